package record

import "homeward/connect"

// Words are what may be said where anybody may read it, such as an e-mail: that
// there is news, whose it is, and a link that needs a sign-in. A death is told as
// news like any other.
func Words(n connect.News) (subject, text string) {
	from := organisation(n, n.From).Name
	if from == "" {
		from = string(n.From)
	}
	switch n.Kind {
	case connect.Refer:
		return "Homeward: a referral from " + from, from + " has sent you a referral."
	case connect.Withdraw:
		return "Homeward: something was withdrawn by " + from, from + " has withdrawn something that it sent you."
	case connect.Paper:
		return "Homeward: a document from " + from, from + " has sent you a document."
	case connect.Note:
		return "Homeward: a note from " + from, from + " has written you a note."
	}
	return "Homeward: news from " + from, from + " has news about a referral that you take part in."
}
