package browser

import (
	"context"

	"github.com/chromedp/cdproto/webauthn"
	"github.com/chromedp/chromedp"
)

// A Passkey is a pretend security key that is plugged in and touched at once,
// and that verifies its user.
type Passkey struct {
	tab *Tab
	id  webauthn.AuthenticatorID
}

// VirtualPasskey plugs one into this tab's browser.
func (b *Tab) VirtualPasskey() *Passkey {
	b.t.Helper()
	id := get(b, "plugging in a passkey", func(ctx context.Context, _ *chromedp.Target) (webauthn.AuthenticatorID, error) {
		if _, err := chromedp.Call(ctx, webauthn.Enable, webauthn.EnableParams{}); err != nil {
			return "", err
		}
		r, err := chromedp.Call(ctx, webauthn.AddVirtualAuthenticator, webauthn.AddVirtualAuthenticatorParams{Options: &webauthn.VirtualAuthenticatorOptions{
			Protocol: "ctap2", Transport: webauthn.AuthenticatorTransportUsb, HasResidentKey: true, HasUserVerification: true,
			AutomaticPresenceSimulation: true, IsUserVerified: true}})
		return r.AuthenticatorID, err
	})
	return &Passkey{b, id}
}

// Verifies says whether it will verify its user from now on.
func (k *Passkey) Verifies(yes bool) {
	k.tab.t.Helper()
	k.tab.do("changing the passkey", func(ctx context.Context, _ *chromedp.Target) (chromedp.Void, error) {
		_, err := chromedp.Call(ctx, webauthn.SetUserVerified, webauthn.SetUserVerifiedParams{AuthenticatorID: k.id, IsUserVerified: yes})
		return chromedp.Void{}, err
	})
}
