package pyhost_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/pyserve/pyserve/pyhost"
)

// What is no WSGI application is refused, and the error says what to do.
var refused = []struct{ spec, says string }{
	{`applications_wrong:create_app`, `pyserve 'applications_wrong:create_app\(\)'`},
	{`applications_wrong:create_with_options`, `pyserve 'applications_wrong:create_with_options\(\)'`},
	{`applications_wrong:create_cached`, `pyserve 'applications_wrong:create_cached\(\)'`},
	{`applications_wrong:create_decorated`, `pyserve 'applications_wrong:create_decorated\(\)'`},
	{`applications_wrong:make`, `applications_wrong:make is a function of \(config\); .* pyserve 'applications_wrong:make\(…\)'`},
	{`applications_wrong:hello`, `if it is a view, name its application: pyserve applications_wrong:app`},
	{`applications_wrong:show`, `applications_wrong:show is a function of \(request\)`},
	{`applications_asgi:function`, `applications_asgi:function is an ASGI application \(a coroutine function\).*uvicorn.*a2wsgi.ASGIMiddleware`},
	{`applications_asgi:instance`, `applications_asgi:instance is an ASGI application \(applications_asgi.Framework\)`},
	{`applications_asgi:partial`, `applications_asgi:partial is an ASGI application`},
	{`applications_asgi:method`, `applications_asgi:method is an ASGI application`},
	{`applications_asgi:old`, `applications_asgi:old is an ASGI application`},
	{`applications_asgi:Framework`, `applications_asgi:Framework is a class of ASGI applications`},
	{`applications_asgi:plain`, `applications_asgi:plain is a coroutine function`},
	{`applications_asgi:plain()`, `returned a coroutine`},
	{`applications_kinds:Configured`, `applications_kinds:Configured is a class.*'applications_kinds:Configured\(…\)'`},
	{`applications_kinds:Framework`, `applications_kinds:Framework is a class.*'applications_kinds:Framework\(\)'`},
	{`applications_kinds:wrong`, `applications_kinds:wrong is an applications_kinds.Wrong, which cannot be called with environ and start_response`},
	{`applications_kinds:plain`, `applications_kinds:plain is a Plain, which is not callable.*did you mean applications_kinds:app\?`},
	{`applications_kinds:holder`, `applications_kinds:holder is a Holder, which is not callable`},
	{`applications_kinds:nothing`, `applications_kinds:nothing is a NoneType`},
	{`applications_kinds:app()`, `applications_kinds:app is the application itself and no factory: leave the parentheses out: applications_kinds:app`},
	{`applications_wrong:make()`, `the factory applications_wrong:make cannot be called so \(missing a required argument: 'config'\)`},
}

func TestWhatIsNoWSGIApplicationIsRefusedWithWhatToDo(t *testing.T) {
	for _, test := range refused {
		t.Run(test.spec, func(t *testing.T) {
			_, err := tryLoad(test.spec)
			var refusal *pyhost.Error
			if assert.ErrorAs(t, err, &refusal) {
				assert.Equal(t, pyhost.LoadError, refusal.Type)
				assert.Empty(t, refusal.Traceback())
				assert.Regexp(t, test.says, err.Error())
			}
		})
	}
}

func TestWhatMayBeAWSGIApplicationIsTakenForOne(t *testing.T) {
	for _, name := range []string{
		"generator", "Legal", "partial", "keyword_partial", "instance", "instance.method",
		"static", "Static.class_method", "anything", "decorated", "create_decorated", "create_app",
		"mock", "proxy", "broken_proxy", "lying", "raising", "builtin",
		"Meta", "Made",
	} {
		_, err := tryLoad("applications:" + name)
		assert.NoError(t, err, name)
	}
}

func TestModulesThatFailWhenTheyAreLookedAtHideNoOthers(t *testing.T) {
	loadApp(t, "lazy_modules:add()")
	defer loadApp(t, "lazy_modules:remove()")
	var files []string
	var err error
	done := make(chan struct{})
	onMain <- func() {
		defer close(done)
		files, err = host.ModuleFiles()
	}
	<-done
	assert.NoError(t, err)
	assert.Contains(t, strings.Join(files, "\n"), "lazy_modules.py")
}
