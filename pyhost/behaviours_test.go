package pyhost_test

import (
	"testing"

	"github.com/pyserve/pyserve/gateway"
	"github.com/pyserve/pyserve/gateway/gatewaytest"
	"github.com/pyserve/pyserve/pyhost"
)

func TestBehavioursOfPythonApplications(t *testing.T) {
	errors := &gatewaytest.Log{}
	defer pyhost.RedirectErrors(errors.Logger())()
	gatewaytest.Run(t, gatewaytest.Subject{
		Load:     func(t *testing.T, name string) gateway.App { return loadApp(t, "behaviours:"+name) },
		Threads:  threads,
		OnThread: func(t *testing.T, f func(thread int)) { onThread(t, f) },
		Python:   true,
		Errors:   errors,
	})
}
