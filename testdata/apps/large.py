"""/N answers with N bytes, in one piece."""


def application(environ, start_response):
    content = b"0123456789abcdef" * (int(environ["PATH_INFO"][1:]) // 16)
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(content)))])
    return [content]
