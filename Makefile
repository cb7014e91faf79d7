# Targets for people and CI. Each is one script of scripts/, which can be called by hand as well.

APP       ?= flaskapp:app
BIND      ?= 127.0.0.1:8000
ARGS      ?=
FUZZTIME  ?= 30s
SOAK      ?= 10m
PYTHON    ?=
SCENARIOS ?=
SERVERS   ?=
ROUNDS    ?=
SECONDS_EACH ?=
WRITE     ?=
SUITES    ?=
CHECKS    ?=
FRESH_DIR ?=
PYTHONS   ?=

# By the environment, not the command line: an APP like 'app:make("x")' needs no quoting in a recipe.
export APP BIND ARGS FUZZTIME SOAK PYTHON SCENARIOS SERVERS ROUNDS SECONDS_EACH WRITE SUITES CHECKS FRESH_DIR PYTHONS

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help serve test build wheel wheels test-pythons setup lint fuzz soak check-c bench fresh clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))
	@echo 'Every target takes PYTHON=/path/to/python3, the Python to embed (3.9 or later).'

serve: ## set up, build, and serve testdata's APP=flaskapp:app at BIND=127.0.0.1:8000 with ARGS=
	@scripts/serve

test: ## set up and run all tests, as CI does
	@scripts/test

build: ## set up and build bin/pyserve
	@scripts/build

wheel: ## build the wheel of this Python into dist/, for pip install
	@scripts/wheel

wheels: ## the same for every Python that is found: the system's, pyenv's, and PYTHONS=
	@scripts/wheels

test-pythons: ## the end-to-end tests on the wheel of each of them; an hour
	@scripts/wheels test

setup: ## only the set-up: system packages, build environment, virtual environment
	@scripts/setup && scripts/venv

lint: ## golangci-lint; shellcheck where it is installed
	@scripts/lint

fuzz: ## run every fuzz target for FUZZTIME=30s
	@scripts/fuzz

soak: ## mixed traffic for SOAK=10m, every answer checked, and a look for leaks
	@scripts/soak

check-c: ## the C code under AddressSanitizer and Go's pointer checks
	@scripts/check-c

bench: ## measure pyserve beside other servers: SCENARIOS="hello flask" SERVERS="pyserve bjoern" ROUNDS=3 SECONDS_EACH=4 WRITE=1
	@scripts/bench

fresh: ## make serve and make test on bare Debians, SUITES="bookworm trixie"; as root, with debootstrap
	@scripts/fresh

clean: ## remove bin/ and build/
	@[ ! -d build/go-modules ] || chmod -R u+w build/go-modules
	@rm -rf bin build
