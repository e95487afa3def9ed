// Package notify tells people without a system through GOV.UK Notify, which sends
// e-mail for public bodies by templates. As in package mail, only words and a link
// that needs a sign-in are given, and no setting adds more. It sends no letters
// and no text messages.
package notify

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"homeward/connect"
	"homeward/connect/httpsend"
	"homeward/connect/record"
)

// Base is the address of the service.
const Base = "https://api.notifications.service.gov.uk"

// Config is one service of GOV.UK Notify and who is written to.
type Config struct {
	HTTP     httpsend.Config // URL "" is Base
	KeyFile  string          // the API key as Notify gives it: its name, the service's id, the secret
	Template string          // id of a template with ((subject)), ((words)) and ((link))
	To       string          // one address of e-mail
	ReplyTo  string          // id of a reply-to address; "" the service's own
}

// Notify is a connect.Connector and a connect.Tracker.
type Notify struct {
	config Config
	http   *httpsend.Client
	now    func() time.Time
}

// New makes it, and reads the key once.
func New(c Config) (*Notify, error) {
	if c.HTTP.URL == "" {
		c.HTTP.URL = Base
	}
	if !uuid.MatchString(c.Template) {
		return nil, errors.New("the template is not an id of GOV.UK Notify")
	}
	if !strings.Contains(c.To, "@") {
		return nil, errors.New("the recipient is not an address of e-mail")
	}
	n := &Notify{config: c, now: c.HTTP.Now}
	if n.now == nil {
		n.now = time.Now
	}
	if _, err := n.token(); err != nil {
		return nil, err
	}
	var err error
	n.http, err = httpsend.New(c.HTTP)
	return n, err
}

var uuid = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$`)

// token signs one request in. A key ends with the service's id and the secret, each
// a UUID with a hyphen before it; the token says iss and iat, by HS256.
func (n *Notify) token() (string, error) {
	b, err := os.ReadFile(n.config.KeyFile)
	if err != nil {
		return "", fmt.Errorf("reading the key of GOV.UK Notify: %w", err)
	}
	key := strings.TrimSpace(string(b))
	if len(key) < 74 || !uuid.MatchString(key[len(key)-73:len(key)-37]) || !uuid.MatchString(key[len(key)-36:]) {
		return "", errors.New("the key of GOV.UK Notify is not one: it ends with two ids")
	}
	s, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.HS256, Key: []byte(key[len(key)-36:])}, (&jose.SignerOptions{}).WithType("JWT"))
	if err != nil {
		return "", fmt.Errorf("making ready to sign in: %w", err)
	}
	return jwt.Signed(s).Claims(jwt.Claims{Issuer: key[len(key)-73 : len(key)-37], IssuedAt: jwt.NewNumericDate(n.now())}).Serialize()
}

// email is what is asked of the service.
type email struct {
	Address         string            `json:"email_address"`
	Template        string            `json:"template_id"`
	Personalisation map[string]string `json:"personalisation"` // their word: the template's fields
	Reference       string            `json:"reference"`
	ReplyTo         string            `json:"email_reply_to_id,omitempty"`
}

// Make writes the request. Its reference is the key.
func (n *Notify) Make(news connect.News) (connect.Message, error) {
	link := record.Link(news)
	if link == "" {
		return connect.Message{}, errors.New("writing for GOV.UK Notify: Homeward's public address is not configured, and a mail without a link tells nothing")
	}
	subject, words := record.Words(news)
	body, err := json.Marshal(email{n.config.To, n.config.Template, map[string]string{"subject": subject, "words": words, "link": link}, news.Key, n.config.ReplyTo})
	if err != nil {
		return connect.Message{}, fmt.Errorf("writing for GOV.UK Notify: %w", err)
	}
	return connect.Message{Key: news.Key, Correlation: news.Correlation, Kind: news.Kind, Type: "application/json", Body: body, At: news.Shown.Now}, nil
}

func (n *Notify) ask(ctx context.Context, method, path string, query url.Values, body []byte) (httpsend.Answer, error) {
	token, err := n.token()
	if err != nil {
		return httpsend.Answer{}, err
	}
	typ := ""
	if body != nil {
		typ = "application/json"
	}
	return n.http.Do(ctx, method, path, query, http.Header{"Authorization": {"Bearer " + token}, "Accept": {"application/json"}}, body, typ)
}

// notification is one as the service knows it.
type notification struct {
	ID     string `json:"id"`
	Status string `json:"status"`
}

// Send asks for the mail to be sent. The service does not look whether it had the
// same reference before, so that is asked first.
func (n *Notify) Send(ctx context.Context, m connect.Message) (connect.Receipt, error) {
	a, err := n.ask(ctx, http.MethodGet, "/v2/notifications", url.Values{"reference": {m.Key}, "template_type": {"email"}}, nil)
	if err != nil {
		return connect.Receipt{}, err
	}
	var had struct {
		List []notification `json:"notifications"`
	}
	if err := json.Unmarshal(a.Body, &had); err != nil {
		return connect.Receipt{}, odd()
	}
	for _, x := range had.List {
		if uuid.MatchString(x.ID) && !strings.HasSuffix(x.Status, "-failure") { // what failed is sent again
			return connect.Receipt{Reference: x.ID, Track: x.ID, Again: true}, nil
		}
	}
	a, err = n.ask(ctx, http.MethodPost, "/v2/notifications/email", nil, m.Body)
	if err != nil {
		return connect.Receipt{}, err
	}
	var taken notification
	if err := json.Unmarshal(a.Body, &taken); err != nil || !uuid.MatchString(taken.ID) {
		return connect.Receipt{}, odd()
	}
	return connect.Receipt{Reference: taken.ID, Track: taken.ID}, nil
}

func odd() error { return fmt.Errorf("%w in the way of GOV.UK Notify", connect.ErrDown) }

// Track asks how far the mail came. The service keeps that for seven days.
func (n *Notify) Track(ctx context.Context, track string) (connect.Receipt, bool, error) {
	if !uuid.MatchString(track) {
		return connect.Receipt{}, true, &connect.Refused{Text: "There is no such mail at GOV.UK Notify."}
	}
	a, err := n.ask(ctx, http.MethodGet, "/v2/notifications/"+track, nil, nil)
	var refused *connect.Refused
	if errors.As(err, &refused) && refused.Status == http.StatusNotFound {
		return connect.Receipt{Reference: track, Detail: "GOV.UK Notify does not know any more what became of the mail"}, true, nil
	}
	if err != nil {
		return connect.Receipt{}, false, err
	}
	var x notification
	if err := json.Unmarshal(a.Body, &x); err != nil {
		return connect.Receipt{}, false, odd()
	}
	r := connect.Receipt{Reference: track, Track: track}
	switch x.Status {
	case "created", "sending", "pending", "sent":
		r.Detail = "On its way"
		return r, false, nil
	case "delivered":
		r.Received, r.Track, r.Detail = true, "", "Delivered to the mailbox"
		return r, true, nil
	case "permanent-failure":
		return r, true, &connect.Refused{Text: "There is no such mailbox, says the recipient's mail provider: mend the address."}
	case "temporary-failure":
		return r, true, &connect.Refused{Text: "The recipient's mailbox did not take the mail for three days: it may be full."}
	case "technical-failure":
		return r, true, &connect.Refused{Text: "GOV.UK Notify could not send the mail: try again."}
	}
	return r, false, odd()
}

// Check asks for the template, and so whether the key and the template are taken.
func (n *Notify) Check(ctx context.Context) error {
	_, err := n.ask(ctx, http.MethodGet, "/v2/template/"+n.config.Template, nil, nil)
	return err
}
