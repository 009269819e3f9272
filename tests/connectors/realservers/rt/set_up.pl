#!/usr/bin/perl
# Queues, people, rights, a score field, a webhook scrip, and two tokens: prints root's, then that of the user "sync".
use strict; use warnings; use lib '/usr/share/request-tracker5/lib';
use RT -init;
my $system = RT->SystemUser;
sub must { my ($ok, $why) = @_; die "set_up: " . ($why // 'failed') unless $ok; return $ok }
sub grant { my ($to, @rights) = @_; must($to->PrincipalObj->GrantRight(Right => $_, Object => $RT::System)) for @rights }
my @agent = qw(SeeQueue ShowTicket ShowTicketComments CreateTicket ReplyToTicket CommentOnTicket OwnTicket TakeTicket
               StealTicket ModifyTicket ReassignTicket SeeCustomField ModifyCustomField);

for my $name (qw(support-l1 support-l2 billing)) {
    must(RT::Queue->new($system)->Create(Name => $name, Lifecycle => 'support'));
}
my $agents = RT::Group->new($system);
must($agents->CreateUserDefinedGroup(Name => 'agents'));
grant($agents, @agent);
for my $n (1 .. 6) {
    my $user = RT::User->new($system);
    must($user->Create(Name => "agent$n", RealName => "Agent $n", EmailAddress => "agent$n\@invalid.test", Privileged => 1));
    must($agents->AddMember($user->PrincipalId));
}
for my $n (1 .. 20) {
    my $user = RT::User->new($system);
    must($user->Create(Name => "cust$n\@invalid.test", EmailAddress => "cust$n\@invalid.test", RealName => "Customer $n"));
}
my $sync = RT::User->new($system);
must($sync->Create(Name => 'sync', RealName => 'Unstuck', EmailAddress => 'sync@invalid.test', Privileged => 1));
grant($sync, @agent);
my $everyone = RT::Group->new($system); $everyone->LoadSystemInternalGroup('Everyone'); grant($everyone, 'CreateTicket');
my $asking = RT::Group->new($system); $asking->LoadRoleGroup(Object => $RT::System, Name => 'Requestor');
grant($asking, qw(ReplyToTicket ShowTicket SeeQueue));

# Nothing is mailed.
my $scrips = RT::Scrips->new($system); $scrips->UnLimit;
while (my $scrip = $scrips->Next) { $scrip->SetDisabled(1) if $scrip->Description =~ /Notify|Autoreply/ }

my $score = RT::CustomField->new($system);
must($score->Create(Name => 'CSAT', Type => 'FreeformSingle', LookupType => 'RT::Queue-RT::Ticket', MaxValues => 1));
must($score->AddToObject(RT::Queue->new($system)));

# The scrip of docs/connectors.md, reading where to send from a file, so that the test can turn it on.
(my $directory = $ENV{RT_SITE_CONFIG}) =~ s{/[^/]+$}{};
my $code = <<'PERL';
my $file = '@DIRECTORY@/webhook.json';
return 1 unless -e $file;
require JSON; require LWP::UserAgent; require Digest::SHA;
open my $in, '<', $file; local $/; my $to = JSON::decode_json(<$in>);
my $body = JSON->new->utf8->canonical->encode({ transaction => $self->TransactionObj->id + 0, ticket => $self->TicketObj->id + 0 });
my $now = time;
LWP::UserAgent->new(timeout => 3)->post($to->{url}, 'Content-Type' => 'application/json', 'X-Unstuck-Timestamp' => $now,
    'X-Unstuck-Signature' => 'sha256=' . Digest::SHA::hmac_sha256_hex("$now.$body", $to->{secret}), Content => $body);
return 1;
PERL
$code =~ s/\@DIRECTORY\@/$directory/;
must(RT::Scrip->new($system)->Create(Queue => 0, Description => 'Tell Unstuck', ScripCondition => 'On Transaction',
    ScripAction => 'User Defined', Template => 'Blank', CustomPrepareCode => 'return 1;', CustomCommitCode => $code,
    Stage => 'TransactionCreate'));

for my $name (qw(root sync)) {
    my $user = RT::User->new($system); $user->Load($name);
    my (undef, undef, $token) = RT::AuthToken->new(RT::CurrentUser->new($user))->Create(Owner => $user->id, Description => 'test');
    if (!$token) {    # only with the right to have tokens of one's own
        grant($user, 'ManageAuthTokens');
        (undef, undef, $token) = RT::AuthToken->new(RT::CurrentUser->new($user))->Create(Owner => $user->id, Description => 'test');
    }
    must($token, "no token for $name"); print "$token\n";
}
