"""Library of the functional tests: servers, the daemon, a raw protocol client, a runner."""
