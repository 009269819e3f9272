# Statuses, projects (the teams), people, a score field. Prints the API keys of admin and of the agent "sync".
Redmine::DefaultData::Loader.load('en') if Redmine::DefaultData::Loader.no_data?
Setting.rest_api_enabled = '1'
Setting.notified_events = []
Setting.cross_project_issue_relations = '1'
['Waiting customer', 'Waiting vendor'].each { |name| IssueStatus.create!(name: name, is_closed: false) }
tracker = Tracker.find_by!(name: 'Support')
statuses = IssueStatus.pluck(:id)
Role.givable.each do |role|
  WorkflowTransition.where(tracker_id: tracker.id, role_id: role.id).delete_all
  ([0] + statuses).product(statuses).each do |from, to|
    # Nobody may reject: the one transition that the workflow forbids.
    next if from == to || to == IssueStatus.find_by!(name: 'Rejected').id
    WorkflowTransition.create!(tracker_id: tracker.id, role_id: role.id, old_status_id: from, new_status_id: to)
  end
end
agent = Role.find_by!(name: 'Developer')
agent.add_permission!(:view_issues, :add_issues, :edit_issues, :add_issue_notes, :view_private_notes, :set_notes_private, :manage_issue_relations)
customer = Role.find_by!(name: 'Reporter')
customer.add_permission!(:view_issues, :add_issues, :add_issue_notes)
customer.remove_permission!(:edit_issues)
IssueCustomField.create!(name: 'CSAT', field_format: 'int', is_for_all: true, is_filter: true, visible: true, trackers: [tracker])
person = lambda do |login, first, last|
  user = User.new(firstname: first, lastname: last, mail: login.include?('@') ? login : "#{login}@invalid.test", language: 'en')
  user.login = login; user.password = user.password_confirmation = 'password-1'; user.mail_notification = 'none'
  user.save!; user
end
agents = (1..6).map { |n| person.call("agent#{n}", 'Agent', n.to_s) }
sync = person.call('sync', 'Unstuck', 'Sync')
customers = (1..20).map { |n| person.call("cust#{n}@invalid.test", 'Customer', n.to_s) }
%w(support-l1 support-l2 billing).each do |name|
  project = Project.create!(name: name, identifier: name, is_public: false, enabled_module_names: ['issue_tracking'], tracker_ids: [tracker.id])
  (agents + [sync]).each { |user| Member.create!(project: project, principal: user, roles: [agent]) }
  customers.each { |user| Member.create!(project: project, principal: user, roles: [customer]) }
end
admin = User.find_by!(login: 'admin')
admin.update_columns(must_change_passwd: false)
puts admin.api_key, sync.api_key
