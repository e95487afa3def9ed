package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"homeward/connect"
	"homeward/connect/httpsend"
	"homeward/connect/mail"
	"homeward/connect/webhook"
	"homeward/hub"
	"homeward/nhs"
)

// NotificationsConfig is how users are notified besides the pages.
type NotificationsConfig struct {
	MailServer string   `toml:"mail_server" doc:"host:port of the mail server; port 465 speaks TLS from the start, all others by STARTTLS. Empty: no e-mail is sent."`
	MailFrom   string   `toml:"mail_from" doc:"Who e-mail is from, like Homeward <homeward@hospital.example>."`
	MailUser   string   `toml:"mail_user" doc:"Our name at the mail server. Empty: no sign-in."`
	MailSecret string   `toml:"mail_secret" doc:"File with the password there."`
	MailCA     string   `toml:"mail_ca_file" doc:"PEM file with the authorities of its certificate. Empty: those of this machine."`
	Timeout    Duration `toml:"timeout" doc:"For one e-mail or one call."`

	Webhooks []NotificationHookConfig `toml:"webhook" doc:"Each organisation's address that is told how many notifications its staff have, of which kinds, and nothing of anybody: signed as Standard Webhooks says."`
}

// NotificationHookConfig is one organisation's webhook.
type NotificationHookConfig struct {
	Org     string   `toml:"org" doc:"ODS code of the organisation."`
	URL     string   `toml:"url" doc:"The address that is called by POST."`
	Secrets []string `toml:"secrets" doc:"Files with the secrets that sign: whsec_ and base64. Two while one is being replaced."`
	CAFile  string   `toml:"ca_file" doc:"PEM file with the authorities of its certificate. Empty: those of this machine."`
	Plain   bool     `toml:"plain" doc:"Allow http instead of https."`
	Allow   []string `toml:"allow" doc:"Private networks that its name may lead to, like 10.20.0.0/16."`
}

func notificationDefaults() NotificationsConfig {
	return NotificationsConfig{Timeout: Duration{30 * time.Second}}
}

func (c NotificationsConfig) check(all Config) error {
	switch {
	case c.MailServer != "" && c.MailFrom == "":
		return errors.New("[notifications] mail_from must be set, like Homeward <homeward@hospital.example>")
	case (c.MailServer != "" || len(c.Webhooks) > 0) && all.PublicURL == "":
		return errors.New("[notifications] public_url must be set: what is sent says where to read")
	case c.Timeout.Duration <= 0 || c.Timeout.Duration > time.Minute:
		return errors.New("[notifications] timeout must be between 1s and 1m")
	}
	seen := map[string]bool{}
	for _, w := range c.Webhooks {
		switch {
		case !all.hasOrg(nhs.ODS(w.Org)):
			return fmt.Errorf("[[notifications.webhook]] org %q is not an [[organisation]]", w.Org)
		case seen[w.Org]:
			return fmt.Errorf("[[notifications.webhook]] org %q stands twice", w.Org)
		}
		seen[w.Org] = true
	}
	return nil
}

// files are the paths that the configuration names.
func (c *NotificationsConfig) files() []*string {
	out := []*string{&c.MailSecret, &c.MailCA}
	for i := range c.Webhooks {
		out = append(out, &c.Webhooks[i].CAFile)
		for j := range c.Webhooks[i].Secrets {
			out = append(out, &c.Webhooks[i].Secrets[j])
		}
	}
	return out
}

// notices makes what sends notifications.
func (c NotificationsConfig) notices(clock func() time.Time) (hub.Notices, error) {
	var out hub.Notices
	if c.MailServer != "" {
		server := mail.Config{Address: c.MailServer, User: c.MailUser, PasswordFile: c.MailSecret, CAFile: c.MailCA, From: c.MailFrom, Timeout: c.Timeout.Duration}
		probe := server
		probe.To = []string{c.MailFrom}
		if _, err := mail.New(probe); err != nil {
			return out, fmt.Errorf("[notifications] %w", err)
		}
		out.Mail = func(ctx context.Context, to, key, subject, text string) error {
			one := server
			one.To = []string{to}
			m, err := mail.New(one)
			if err != nil {
				return err
			}
			letter, err := m.Letter(key, subject, text, clock())
			if err != nil {
				return err
			}
			_, err = m.Send(ctx, letter)
			return err
		}
	}
	for _, w := range c.Webhooks {
		allow, err := prefixes(w.Allow)
		if err != nil {
			return out, fmt.Errorf("[[notifications.webhook]] %q: %w", w.Org, err)
		}
		hook, err := webhook.New(webhook.Config{SecretFiles: w.Secrets,
			HTTP: httpsend.Config{URL: w.URL, Timeout: c.Timeout.Duration, Plain: w.Plain, CAFile: w.CAFile, Allow: allow, Now: clock}})
		if err != nil {
			return out, fmt.Errorf("[[notifications.webhook]] %q: %w", w.Org, err)
		}
		if out.Hooks == nil {
			out.Hooks = map[nhs.ODS]func(context.Context, string, []byte) error{}
		}
		out.Hooks[nhs.ODS(w.Org)] = func(ctx context.Context, key string, body []byte) error {
			_, err := hook.Send(ctx, connect.Message{Key: key, Correlation: key, Type: "application/json", Body: body, At: clock()})
			return err
		}
	}
	return out, nil
}
