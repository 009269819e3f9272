# ruby serve.rb PORT: Redmine under Puma on loopback. Redmine sends no webhooks; this one does while webhook.json is there.
require '/usr/share/redmine/config/environment'
require 'net/http'
require 'openssl'
module Webhook
  def self.send_news(issue)
    file = File.join(ENV['UNSTUCK_TEST_DIRECTORY'], 'webhook.json')
    return unless File.exist?(file)
    to = JSON.parse(File.read(file))
    now, body = Time.now.to_i.to_s, JSON.generate(issue: issue, nonce: SecureRandom.hex(4))
    Net::HTTP.post(URI(to['url']), body, 'Content-Type' => 'application/json', 'X-Unstuck-Timestamp' => now,
                   'X-Unstuck-Signature' => 'sha256=' + OpenSSL::HMAC.hexdigest('SHA256', to['secret'], "#{now}.#{body}"))
  rescue StandardError => error
    Rails.logger.warn("webhook: #{error.message}")
  end
end
Issue.after_commit { Webhook.send_news(id) }
Journal.after_commit(on: :create) { Webhook.send_news(journalized_id) }
require 'rack/handler/puma'
Rack::Handler::Puma.run(Rails.application, Host: '127.0.0.1', Port: ARGV[0].to_i, Threads: '1:5', Verbose: false, Silent: true)
