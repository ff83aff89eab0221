/** Requests whose end two readers of HTTP could see in different places, and heads that are odd or too large. */

/** Requests by name, with this API key, to this host. Each that holds a second request would be answered twice if it were read as two. */
export function framesOf(apiKey: string, host: string): Readonly<Record<string, string>> {
  const auth = `Authorization: Bearer ${apiKey}\r\n`
  const second = `GET /health HTTP/1.1\r\nHost: ${host}\r\n\r\n`
  const post = (fields: string, body: string) =>
    `POST /emails HTTP/1.1\r\nHost: ${host}\r\n${auth}${fields}\r\n\r\n${body}`
  const get = (path: string, fields = `Host: ${host}`) =>
    `GET ${path} HTTP/1.1\r\n${fields}\r\n${auth}Connection: close\r\n\r\n`
  const chunked = (field: string) => post(field, `0\r\n\r\n${second}`)
  const chunks = (body: string) => post('Transfer-Encoding: chunked', body)
  return {
    'length and chunks': chunked('Content-Length: 5\r\nTransfer-Encoding: chunked'),
    'chunks and length': chunked('Transfer-Encoding: chunked\r\nContent-Length: 5'),
    'two transfer encodings': chunked('Transfer-Encoding: chunked\r\nTransfer-Encoding: identity'),
    'an unknown transfer encoding': chunked('Transfer-Encoding: xchunked'),
    'chunked, identity': chunked('Transfer-Encoding: chunked, identity'),
    'a blank before the colon': chunked('Transfer-Encoding : chunked'),
    'a tab after the colon': chunked('Transfer-Encoding:\tchunked'),
    'a folded transfer encoding': chunked('Transfer-Encoding:\r\n chunked'),
    'two lengths': post('Content-Length: 2\r\nContent-Length: 3', `{} ${second}`),
    'one length twice': post('Content-Length: 2\r\nContent-Length: 2', `{}${second}`),
    'a length with a sign': post('Content-Length: +2', `{}${second}`),
    'a length in hex': post('Content-Length: 0x2', `{}${second}`),
    'a list of lengths': post('Content-Length: 2, 2', `{}${second}`),
    'a negative length': post('Content-Length: -1', `{}${second}`),
    'a length beyond 64 bits': post('Content-Length: 99999999999999999999', '{}'),
    'a length of 45 MB': post('Content-Length: 45000000\r\nConnection: close', '{}'),
    'bare LF': `GET /emails HTTP/1.1\nHost: ${host}\n${auth.replace('\r\n', '\n')}\n`,
    'LF in a chunk': chunks(`2\n{}\r\n0\r\n\r\n${second}`),
    'LF in a chunk extension': chunks(`2;a\nxx\r\n{}\r\n0\r\n\r\n${second}`),
    'a negative chunk': chunks('-1\r\n{}\r\n0\r\n\r\n'),
    'a chunk of 64 bits': chunks('FFFFFFFFFFFFFFFF\r\n{}\r\n0\r\n\r\n'),
    'a chunk in 0x': chunks('0x2\r\n{}\r\n0\r\n\r\n'),
    'a key in the trailer': `POST /emails HTTP/1.1\r\nHost: ${host}\r\nTransfer-Encoding: chunked\r\nTrailer: Authorization\r\n\r\n0\r\n${auth}\r\n`,
    'a body of GET': `GET /emails HTTP/1.1\r\nHost: ${host}\r\n${auth}Content-Length: ${second.length}\r\n\r\n${second}`,
    'NUL in a field': get('/emails', `Host: ${host}\r\nX: a\0b`),
    'CR in a field': get('/emails', `Host: ${host}\r\nX: a\rb`),
    'no host': `GET /emails HTTP/1.1\r\n${auth}\r\n`,
    'two hosts': get('/emails', 'Host: a\r\nHost: b'),
    'HTTP/0.9': 'GET /emails\r\n\r\n',
    'HTTP/1.0': 'GET /health HTTP/1.0\r\nConnection: keep-alive\r\n\r\n',
    'HTTP/2': 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
    'HTTP/9.9': `GET /health HTTP/9.9\r\nHost: ${host}\r\n\r\n`,
    'an absolute form': get('http://evil.test/health'),
    CONNECT: `CONNECT 127.0.0.1:22 HTTP/1.1\r\nHost: ${host}\r\n\r\n`,
    'an upgrade to WebSocket': get('/emails', `Host: ${host}\r\nUpgrade: websocket\r\nConnection: Upgrade`),
    'an upgrade to HTTP/2': get('/health', `Host: ${host}\r\nUpgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings`),
    '100-continue': `POST /emails HTTP/1.1\r\nHost: ${host}\r\nExpect: 100-continue\r\nContent-Length: 1000000\r\n\r\n`,
    'another expectation': post('Expect: 200-ok\r\nContent-Length: 2', '{}'),
    TRACE: `TRACE / HTTP/1.1\r\nHost: ${host}\r\n\r\n`,
    'an unknown method': `FOO /emails HTTP/1.1\r\nHost: ${host}\r\n${auth}\r\n`,
    'NUL in the path': get('/emails\0'),
    'a path of 15,000': get(`/${'a'.repeat(15_000)}`),
    'a path of 20,000': get(`/${'a'.repeat(20_000)}`),
    'a field of 20,000': get('/emails', `Host: ${host}\r\nX: ${'a'.repeat(20_000)}`),
    '3,000 fields': get('/emails', `Host: ${host}\r\n${'a:b\r\n'.repeat(3000).trimEnd()}`),
    '3,500 parameters': get(`/emails?${'a=b&'.repeat(3500)}`),
    '15,000 slashes': get(`${'/'.repeat(15_000)}emails`),
    'a path that is no UTF-8': get('/emails/%ff%fe'),
    'a path that is no percent encoding': get('/emails/%zz'),
    'an odd host': get('/emails', 'Host: a b/c?d'),
    'a host with a user': get('/downloads/a/b', 'Host: u:p@h'),
    'half an IPv6 host': get('/downloads/a/b', 'Host: [::1'),
    'an empty host': get('/emails', 'Host: '),
    'two keys': get('/emails', `Host: ${host}\r\nAuthorization: Bearer re_x`),
  }
}
