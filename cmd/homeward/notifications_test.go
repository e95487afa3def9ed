package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"homeward/connect"
	"homeward/sim/smtpd"
)

// TestNotificationsOverAMailServer sends to one that takes them, drops, hangs and
// refuses: only what is refused for good says so.
func TestNotificationsOverAMailServer(t *testing.T) {
	for name, x := range map[string]struct {
		answer map[string]string
		took   bool
		good   bool // refused for good
	}{
		"takes":   {nil, true, false},
		"drops":   {map[string]string{".": ""}, false, false},
		"hangs":   {map[string]string{"HI": "silence"}, false, false},
		"refuses": {map[string]string{"RCPT": "550 no such user"}, false, true},
		"is full": {map[string]string{"RCPT": "452 later"}, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			server, err := smtpd.New("127.0.0.1:0", smtpd.Config{Answer: x.answer})
			if err != nil {
				t.Fatal(err)
			}
			defer server.Close()
			c := notificationDefaults()
			c.MailServer, c.MailFrom, c.Timeout = server.Address(), "Homeward <homeward@hospital.example>", Duration{300 * time.Millisecond}
			n, err := c.notices(time.Now)
			if err != nil {
				t.Fatal(err)
			}
			err = n.Mail(t.Context(), "s.reed@county.example", "0b5f-key", "Homeward: 2 notifications", "Read them here.\r\n")
			var refused *connect.Refused
			if (err == nil) != x.took || errors.As(err, &refused) != x.good {
				t.Errorf("the mail: %v", err)
			}
			if err != nil && strings.Contains(err.Error(), "reed") {
				t.Errorf("the error names the reader: %v", err)
			}
			if got := server.Mails(); x.took && (len(got) != 1 || got[0].To[0] != "s.reed@county.example" || !strings.Contains(string(got[0].Data), "Message-ID: <0b5f-key@hospital.example>")) {
				t.Errorf("the server took %+v", got)
			}
		})
	}
}

func TestNotificationsAreChecked(t *testing.T) {
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"), 0o600); err != nil {
		t.Fatal(err)
	}
	hook := NotificationHookConfig{Org: "511", URL: "https://chat.county.example/in", Secrets: []string{secret}}
	for want, change := range map[string]func(*Config){
		"mail_from must be set":  func(c *Config) { c.Notifications.MailServer = "smtp.example:587" },
		"public_url must be set": func(c *Config) { c.PublicURL, c.Notifications.Webhooks = "", []NotificationHookConfig{hook} },
		"is not an": func(c *Config) {
			hook := hook
			hook.Org = "X9"
			c.Notifications.Webhooks = []NotificationHookConfig{hook}
		},
		"stands twice":    func(c *Config) { c.Notifications.Webhooks = []NotificationHookConfig{hook, hook} },
		"timeout must be": func(c *Config) { c.Notifications.Timeout = Duration{time.Hour} },
	} {
		c := example()
		change(&c)
		if err := c.Notifications.check(c); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
	n := notificationDefaults()
	n.Webhooks = []NotificationHookConfig{hook}
	made, err := n.notices(time.Now)
	if err != nil || len(made.Hooks) != 1 || made.Mail != nil {
		t.Errorf("made %d webhooks, %v", len(made.Hooks), err)
	}
	n.Webhooks[0].URL = "http://chat.county.example/in"
	if _, err := n.notices(time.Now); err == nil {
		t.Error("a webhook without TLS is taken")
	}
}
