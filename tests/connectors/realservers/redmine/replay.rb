# Lives a plan (JSON lines on stdin) inside Redmine, whose clock is set to each event's time: no interface can write into
# the past. Redmine has no merging: such a ticket is linked as a duplicate and closed.
require 'active_support/testing/time_helpers'
include ActiveSupport::Testing::TimeHelpers
ActiveRecord::Base.logger = nil
STATUS = { 'open' => 'In Progress', 'waiting_customer' => 'Waiting customer', 'waiting_vendor' => 'Waiting vendor',
           'resolved' => 'Resolved', 'closed' => 'Closed' }.transform_values { |name| IssueStatus.find_by!(name: name) }
PRIORITY = %w(low normal high).to_h { |name| [name, IssuePriority.find_by!(name: name.capitalize)] }
TRACKER = Tracker.find_by!(name: 'Support')
SCORE = IssueCustomField.find_by!(name: 'CSAT')
PEOPLE = Hash.new { |known, login| known[login] = User.find_by!(login: login == 'root' ? 'admin' : login) }
number = {}
ActiveRecord::Base.transaction do
  STDIN.each_line.map { |line| JSON.parse(line) }.each do |e|
    travel_to(Time.at(e['at'])) do
      who = User.current = PEOPLE[e['who']]
      if e['does'] == 'create'
        issue = Issue.new(project: Project.find(e['team']), tracker: TRACKER, author: who, subject: e['title'],
                          description: e['text'], priority: PRIORITY[e['priority']], status: IssueStatus.find_by!(name: 'New'))
        issue.save!
        next number[e['ticket']] = issue.id
      end
      issue = Issue.find(number[e['ticket']])
      next issue.destroy if e['does'] == 'delete'
      if e['does'] == 'merge'
        target = Issue.find_by(id: number[e['into']]) or next
        relation = IssueRelation.new(issue_from: issue, issue_to: target, relation_type: 'duplicates')
        relation.init_journals(who)
        relation.save!
        issue.reload
      end
      issue.init_journal(who)
      case e['does']
      when 'status' then issue.status = STATUS[e['to']]
      when 'assign' then issue.assigned_to = e['to'] && PEOPLE[e['to']]
      when 'team' then issue.project = Project.find(e['to'])
      when 'title' then issue.subject = e['to']
      when 'reply' then issue.current_journal.notes = e['text']
      when 'note' then issue.current_journal.notes = e['text']; issue.current_journal.private_notes = true
      when 'score' then issue.custom_field_values = { SCORE.id => e['to'].to_s }
      when 'merge' then issue.status = STATUS['closed']
      end
      issue.save!
    end
  end
end
number.each { |place, id| puts JSON.generate(ticket: place, id: id) }
