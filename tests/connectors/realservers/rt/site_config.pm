# A test server: loopback only, no mail leaves the machine. Filled in by servers.py.
use utf8;
Set($rtname, 'unstuck-test');
Set($Organization, 'unstuck-test');
Set($Timezone, '@TIMEZONE@');
Set($WebDomain, '127.0.0.1');
Set($WebPort, @PORT@);
Set($WebBaseURL, 'http://127.0.0.1:@PORT@');
Set($DatabaseType, 'SQLite');
Set($DatabaseName, '@DIRECTORY@/rt.sqlite3');
Set($MailCommand, 'testfile');
Set($LogToSyslog, undef);
Set($LogToSTDERR, 'error');
Set($NotifyActor, 0);
Set(%FullTextSearch, Enable => 0, Indexed => 0);
Set(%GnuPG, Enable => 0);
Set(%SMIME, Enable => 0);
my @status = qw(new open waiting_customer waiting_vendor resolved closed deleted);
Set(%Lifecycles, (
  support => {
    initial => ['new'], active => [qw(open waiting_customer waiting_vendor)], inactive => [qw(resolved closed deleted)],
    defaults => { on_create => 'new', reminder_on_open => 'open', reminder_on_resolve => 'resolved' },
    transitions => { '' => ['new'], map { my $from = $_; $from => [grep { $_ ne $from } @status] } @status },
    rights => { '* -> deleted' => 'DeleteTicket', '* -> *' => 'ModifyTicket' },
    actions => [],
  },
));
1;
