package care

// Notice turns what a system says into what became true. It is total and
// never refuses: it compares the observation with what is known.
func Notice(c Case, o Observation) []Event { return nil }
