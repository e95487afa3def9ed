# The commands, in one place. Nothing here is needed to build: `go build ./...`
# and `go install ./cmd/homeward` do without make.

help: ## what there is
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | expand -t 14

build: ## the one program, static, as bin/homeward
	CGO_ENABLED=0 go build -trimpath -o bin/homeward ./cmd/homeward

demo: ## a pretend hospital and council to look at
	go run ./cmd/homeward demo

test: ## all tests; installs PostgreSQL, Chromium, curl and Node when they are missing
	./test

quick: ## the tests that need neither
	HOMEWARD_NO_INSTALL=1 ./test -short ./...

arch: ## the shape of the code, and citations of standards
	go test . ./standards

standards: ## where each standard is cited
	go run ./standards

fuzz: ## each fuzz target for 20 s
	@grep -rl --include='*_test.go' '^func Fuzz' . | while read -r f; do \
	  for name in $$(sed -n 's/^func \(Fuzz[A-Za-z0-9]*\).*/\1/p' "$$f"); do \
	    echo "$$name in $$(dirname "$$f")"; go test -run '^$$' -fuzz "^$$name\$$" -fuzztime 20s "$$(dirname "$$f")" || exit 1; \
	  done; done

ci: ## all that CI checks
	bash .ci/run

fmt: ## gofmt
	gofmt -w $$(git ls-files '*.go')

.PHONY: help build demo test quick arch standards fuzz ci fmt
