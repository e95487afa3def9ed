package main

import (
	"fmt"
	"os"

	"homeward/codelists"
	"homeward/measure"
)

// ownReasons are the lists of reasons for delay that come with Homeward, by what a
// configuration calls them.
var ownReasons = map[string]string{"2022": codelists.Delay2022, "2024": codelists.Delay2024}

// delayReasons reads the list of reasons for delay that the site uses. A bad file is
// refused with its line and what to do.
func (c Config) delayReasons() (*codelists.DelayReasons, error) {
	if c.Reasons == "" {
		return codelists.Delay(codelists.Delay2022)
	}
	if own := ownReasons[c.Reasons]; own != "" {
		return codelists.Delay(own)
	}
	b, err := os.ReadFile(c.Reasons)
	if err != nil {
		return nil, fmt.Errorf("reading the reasons for delay (delay_reasons): %w", err)
	}
	return measure.ReadReasons(c.Reasons, b)
}
