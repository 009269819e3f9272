#!/usr/bin/perl
# Lives a plan (JSON lines on stdin) inside RT, whose clock is set to each event's time: no interface can write into the
# past. Prints {"ticket": place in the plan, "id": number in RT} lines.
use strict; use warnings;
our $now;
BEGIN {    # before any of RT is compiled
    my $clock = sub { defined $main::now ? $main::now : CORE::time() };
    no warnings 'once';
    *CORE::GLOBAL::time = sub () { $clock->() };
    *CORE::GLOBAL::gmtime = sub (;$) { CORE::gmtime(@_ ? $_[0] : $clock->()) };
    *CORE::GLOBAL::localtime = sub (;$) { CORE::localtime(@_ ? $_[0] : $clock->()) };
}
use lib '/usr/share/request-tracker5/lib';
use RT -init;
use JSON; use Encode;
my (%number, %user); my %priority = (low => 10, normal => 30, high => 60);
sub user { my $name = shift; $user{$name} //= do { my $u = RT::CurrentUser->new; $u->Load($name); $u } }
sub mime {
    my ($text, $subject) = @_;
    return MIME::Entity->build(Type => 'text/plain', Charset => 'UTF-8', Data => [Encode::encode('UTF-8', $text)],
        defined $subject ? (Subject => Encode::encode('UTF-8', $subject)) : ());
}
$RT::Handle->BeginTransaction;
while (<STDIN>) {
    my $e = decode_json($_); $now = $e->{at};
    my ($t, $does, $ok, $why) = (RT::Ticket->new(user($e->{who})), $e->{does}, 1, '');
    if ($does eq 'create') {
        ($ok, undef, $why) = $t->Create(Queue => $e->{team}, Subject => $e->{title}, Requestor => $e->{who},
            Priority => $priority{$e->{priority}}, MIMEObj => mime($e->{text}, $e->{title}));
        $number{$e->{ticket}} = $ok;
    } else {
        $t->Load($number{$e->{ticket}});
        if    ($does eq 'status') { ($ok, $why) = $t->SetStatus($e->{to}) if $t->Status ne $e->{to} }
        elsif ($does eq 'assign') { ($ok, $why) = $t->SetOwner($e->{to} // 'Nobody', 'Force') }
        elsif ($does eq 'team')   { ($ok, $why) = $t->SetQueue($e->{to}) }
        elsif ($does eq 'title')  { ($ok, $why) = $t->SetSubject($e->{to}) if $t->Subject ne $e->{to} }
        elsif ($does eq 'reply')  { ($ok, $why) = $t->Correspond(MIMEObj => mime($e->{text})) }
        elsif ($does eq 'note')   { ($ok, $why) = $t->Comment(MIMEObj => mime($e->{text})) }
        elsif ($does eq 'merge')  { ($ok, $why) = $t->MergeInto($number{$e->{into}}) }
        elsif ($does eq 'delete') { ($ok, $why) = $t->SetStatus('deleted') }
        elsif ($does eq 'score')  {
            my $all = RT::Ticket->new(RT->SystemUser); $all->Load($number{$e->{ticket}});
            ($ok, $why) = $all->AddCustomFieldValue(Field => 'CSAT', Value => $e->{to});
        }
    }
    die "$_: $why" unless $ok;
}
$RT::Handle->Commit;
print encode_json({ ticket => $_ + 0, id => $number{$_} + 0 }), "\n" for sort { $a <=> $b } keys %number;
