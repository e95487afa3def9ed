package care

import (
	"testing"

	"homeward/nhs"
)

func TestNear(t *testing.T) {
	person := func(family, given, postcode string) Case {
		return Case{ID: "a", Person: Person{Family: family, Given: given, Born: nhs.Date{Year: 1941, Month: 3, Day: 4}, Address: Address{Postcode: postcode}}}
	}
	a := person("O'Brien", "Barbara", "NG18 1AA")
	for name, c := range map[string]struct {
		change func(*Case)
		near   bool
	}{
		"the same":                          {func(*Case) {}, true},
		"written without the apostrophe":    {func(c *Case) { c.Person.Family = "OBRIEN" }, true},
		"day and month the other way round": {func(c *Case) { c.Person.Born = nhs.Date{Year: 1941, Month: 4, Day: 3} }, true},
		"a digit of the day":                {func(c *Case) { c.Person.Born.Day = 5 }, true},
		"digits changed about":              {func(c *Case) { c.Person.Born.Year = 1914 }, true},
		"sounds alike":                      {func(c *Case) { c.Person.Family = "Obryan" }, true},
		"a letter of the family name":       {func(c *Case) { c.Person.Family = "O'Brian" }, true},
		"married since":                     {func(c *Case) { c.Person.Family = "Ashdown" }, true},
		"married and moved":                 {func(c *Case) { c.Person.Family = "Ashdown"; c.Person.Address.Postcode = "NG1 1AA" }, false},
		"another birth":                     {func(c *Case) { c.Person.Born = nhs.Date{Year: 1960, Month: 11, Day: 30} }, false},
		"no birth":                          {func(c *Case) { c.Person.Born = nhs.Date{} }, false},
		"only a birthday":                   {func(c *Case) { c.Person.Family, c.Person.Given, c.Person.Address.Postcode = "Quill", "Zoe", "" }, false},
		"joined already":                    {func(c *Case) { c.JoinedTo = "z" }, false},
	} {
		b := a
		b.ID, b.NHS = "b", nhs.Test(1)
		c.change(&b)
		if n, near := Near(a, b); near != c.near {
			t.Errorf("%s: %v %+v", name, near, n)
		}
		x, _ := Near(a, b)
		if y, near := Near(b, a); near != c.near || x.Score != y.Score {
			t.Errorf("%s: not the same the other way round", name)
		}
	}
	two, b := a, a
	two.NHS, b.NHS, b.ID = nhs.Test(2), nhs.Test(1), "b"
	if _, near := Near(two, b); near {
		t.Error("two with a number of their own")
	}
}
