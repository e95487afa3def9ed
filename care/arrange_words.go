package care

import (
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"homeward/nhs"
)

// givesAway is what of a person a text tells, in words for an error, or "" for
// nothing: providers read needs before they may know who it is. It finds what is
// known here, however it is spelled out; it cannot know a neighbour's name.
func givesAway(c Case, text string) string {
	tokens := tokensOf(text)
	switch p := c.Person; {
	case namesOne(tokens, p.Family):
		return "the family name"
	case namesOne(tokens, p.Given):
		return "the given name"
	case namesOne(tokens, p.Preferred):
		return "the preferred name"
	case slices.ContainsFunc(p.Kin, func(k Kin) bool { return phrase(tokens, k.Name) }):
		return "the name of a relative or carer"
	case givesPostcode(text, p.Address.Postcode):
		return "the postcode"
	case givesAddress(tokens, p.Address):
		return "the address"
	case givesBirth(tokens, p.Born):
		return "the date of birth"
	}
	return givesNumber(c, text, tokens)
}

// tokensOf are the words and numbers of a text, as they are written.
func tokensOf(s string) []string {
	return strings.FieldsFunc(s, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
}

// plainNames are names that are also words of every day: they count as a name only
// where they are written as one. Otherwise nobody called Day could need help twice a day.
var plainNames = []string{"day", "walker", "may", "will", "hall", "home", "house", "bath", "hope", "grace", "joy", "young", "long", "short", "little", "wood",
	"hill", "brown", "white", "green", "black", "gray", "grey", "rose", "june", "april", "summer", "winter", "low", "best", "good", "bird", "cook", "baker",
	"banks", "field", "marsh", "lane", "street", "stone", "wells", "mark", "frank", "art", "dean", "page", "price", "sharp", "bright", "power", "care", "light"}

// namesOne reports whether a text says any word of a name.
func namesOne(tokens []string, name string) bool {
	for _, word := range tokensOf(name) {
		if len([]rune(word)) < 2 {
			continue
		}
		lower := strings.ToLower(word)
		plain := slices.Contains(plainNames, lower)
		for _, t := range tokens {
			if strings.ToLower(t) == lower && (!plain || unicode.IsUpper([]rune(t)[0])) {
				return true
			}
		}
	}
	return false
}

// phrase reports whether a text says all the words of another in their order.
func phrase(tokens []string, s string) bool {
	want := tokensOf(strings.ToLower(s))
	if len(want) == 0 {
		return false
	}
	for i := 0; i+len(want) <= len(tokens); i++ {
		if slices.EqualFunc(tokens[i:i+len(want)], want, func(a, b string) bool { return strings.ToLower(a) == b }) {
			return true
		}
	}
	return false
}

func givesPostcode(text, postcode string) bool {
	code := strings.ToUpper(strings.ReplaceAll(postcode, " ", ""))
	return len(code) >= 5 && strings.Contains(strings.ToUpper(strings.ReplaceAll(text, " ", "")), code)
}

// givesAddress looks for the house and the street; that somebody lives in a town is
// what the area says anyway.
func givesAddress(tokens []string, a Address) bool {
	for i, line := range a.Lines {
		words := tokensOf(line)
		numbered := slices.ContainsFunc(words, func(w string) bool { return unicode.IsDigit([]rune(w)[0]) })
		if i > 0 && !numbered {
			continue
		}
		if phrase(tokens, line) {
			return true
		}
		street := slices.DeleteFunc(words, func(w string) bool { return unicode.IsDigit([]rune(w)[0]) })
		if len(street) > 1 && phrase(tokens, strings.Join(street, " ")) {
			return true
		}
	}
	return false
}

// givesBirth looks for the date in every order that people write, with the month as
// a number or a word, and the year with two digits or four.
func givesBirth(tokens []string, born nhs.Date) bool {
	if born.IsZero() {
		return false
	}
	for i := 0; i+3 <= len(tokens); i++ {
		a, b, c := tokens[i], tokens[i+1], tokens[i+2]
		if isDay(a, born) && isMonth(b, born) && isYear(c, born) || isYear(a, born) && isMonth(b, born) && isDay(c, born) ||
			isMonth(a, born) && isDay(b, born) && isYear(c, born) {
			return true
		}
	}
	for _, t := range tokens {
		for _, layout := range []string{"02012006", "20060102", "020106"} {
			if t == born.Time().Format(layout) {
				return true
			}
		}
	}
	return false
}

func isDay(s string, born nhs.Date) bool {
	s = strings.ToLower(s)
	for _, end := range []string{"st", "nd", "rd", "th"} {
		s = strings.TrimSuffix(s, end)
	}
	n, err := strconv.Atoi(s)
	return err == nil && n == born.Day
}

func isMonth(s string, born nhs.Date) bool {
	if n, err := strconv.Atoi(s); err == nil {
		return time.Month(n) == born.Month
	}
	return len(s) >= 3 && strings.HasPrefix(strings.ToLower(born.Month.String()), strings.ToLower(s))
}

func isYear(s string, born nhs.Date) bool {
	n, err := strconv.Atoi(s)
	return err == nil && (n == born.Year || len(s) == 2 && n == born.Year%100)
}

// givesNumber looks for the person's numbers, and for any number that can be rung or
// looked up: care needs hold none as long.
func givesNumber(c Case, text string, tokens []string) string {
	for _, id := range c.IDs {
		if len(id.Value) >= 5 && slices.ContainsFunc(tokens, func(t string) bool { return strings.EqualFold(t, id.Value) }) {
			return "the hospital or council number"
		}
	}
	for _, run := range digitRuns(text) {
		for _, n := range append([]nhs.Number{c.NHS}, c.Formerly...) {
			if !n.IsZero() && strings.Contains(run, n.Digits()) {
				return "the NHS number"
			}
		}
		if _, err := nhs.ParseNumber(run); err == nil {
			return "the NHS number"
		}
		phones := []string{c.Person.Phone}
		for _, k := range c.Person.Kin {
			phones = append(phones, k.Phone)
		}
		for _, p := range phones {
			if d := digitsOf(p); len(d) >= 6 && strings.Contains(run, d) {
				return "the phone number"
			}
		}
		if (len(run) == 10 || len(run) == 11) && run[0] == '0' || len(run) == 12 && strings.HasPrefix(run, "44") {
			return "the phone number"
		}
	}
	return ""
}

// digitRuns are the numbers of a text, with those that are set apart only by blanks,
// dots, brackets or dashes taken as one.
func digitRuns(s string) (runs []string) {
	run := ""
	flush := func() {
		if run != "" {
			runs = append(runs, run)
		}
		run = ""
	}
	for _, r := range s {
		switch {
		case r >= '0' && r <= '9':
			run += string(r)
		case strings.ContainsRune(" -.()+\u00a0", r):
		default:
			flush()
		}
	}
	flush()
	return runs
}

func digitsOf(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, s)
}
