/** Requests with two ends, and recipients that are somewhere else: the real listeners answer each once, and relay nothing. */
import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { after, before, describe, test } from 'node:test'
import { framesOf } from '../faults/hostile/frames.ts'
import { type Server, startServer } from './support/server.ts'

const isGateway = process.env.KABUTAR_FLOW === 'aws' && 'the gateway lets no other host in, and links are those of S3'

let server: Server
before(async () => {
  server = await startServer()
})
after(async () => {
  await server.close()
})

/** Writes the octets, and answers what comes until the connection ends or is silent for half a second. */
function exchange(port: number, octets: string, quietMs = 500): Promise<string> {
  return new Promise((resolve) => {
    let text = ''
    const socket = connect(port, '127.0.0.1', () => socket.write(Buffer.from(octets, 'latin1')))
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1')
    })
    socket.on('error', () => undefined)
    socket.setTimeout(quietMs, () => socket.destroy())
    socket.on('close', () => resolve(text))
  })
}

const statuses = (text: string) => [...text.matchAll(/HTTP\/1\.1 (\d{3})/g)].map(([, status]) => Number(status))

/** Those whose end is ambiguous: what follows must not be read as a request. */
const AMBIGUOUS = [
  'length and chunks',
  'chunks and length',
  'two transfer encodings',
  'an unknown transfer encoding',
  'chunked, identity',
  'a blank before the colon',
  'two lengths',
  'a length with a sign',
  'a length in hex',
  'a list of lengths',
  'a negative length',
  'LF in a chunk',
  'LF in a chunk extension',
]

describe('the HTTP listener', () => {
  test('answers no request twice, and none with 5xx', async (t) => {
    const frames = Object.entries(framesOf(server.apiKey, new URL(server.url).host))
    const port = Number(new URL(server.url).port)
    const answers = new Map(
      await Promise.all(
        frames.map(async ([name, octets]) => [name, statuses(await exchange(port, octets, 1000))] as const),
      ),
    )
    t.diagnostic(`${frames.length} requests`)
    assert.equal(frames.length, 54)
    assert.deepEqual(
      [...answers].filter(([, codes]) => codes.some((code) => code >= 500)),
      [],
    )
    for (const name of AMBIGUOUS) assert.deepEqual(answers.get(name), [400], name)
    assert.equal((await fetch(`${server.url}/health`)).status, 200)
  })
})

/** Paths as they are written on the wire: `fetch` would tidy them. */
const PATHS = [
  '/downloads/../../../etc/passwd',
  '/downloads/..%2f..%2fetc/passwd',
  '/downloads/first/..%2flink-secret',
  '/downloads/%2e%2e/link-secret',
  '/../operator.json',
  '/./operator.json',
  '/downloads/first/%00',
  '/downloads/first/..;/x',
  '//etc/passwd',
  '/%2e%2e/%2e%2e/etc/passwd',
  '/downloads\\..\\..\\x',
  '/operator.json',
  '/lock',
  '/kabutar.db',
]

describe('files of the data folder', () => {
  test('are behind none of 14 paths', async () => {
    const { host, port } = new URL(server.url)
    assert.equal(PATHS.length, 14)
    const answers = await Promise.all(
      PATHS.map(async (path) => {
        const text = await exchange(Number(port), `GET ${path} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`)
        return [path, ...statuses(text)] as const
      }),
    )
    assert.deepEqual(
      answers.filter(([, status = 0]) => status < 400 || status >= 500),
      [],
    )
  })
})

test('links name the server whatever host a request and its proxy name', { skip: isGateway }, async () => {
  const { host, port } = new URL(server.url)
  const ask = async (named: string, more = '') => {
    const auth = `Authorization: Bearer ${server.apiKey}\r\nContent-Length: 10\r\nConnection: close`
    return exchange(Number(port), `POST /uploads HTTP/1.1\r\nHost: ${named}\r\n${more}${auth}\r\n\r\n{"size":9}`)
  }
  assert.deepEqual(statuses(await ask('evil.test')), [403])
  const answer = await ask(
    host,
    'X-Forwarded-Host: evil.test\r\nX-Forwarded-Proto: https\r\nForwarded: host=evil.test\r\n',
  )
  assert.deepEqual(statuses(answer), [201])
  assert.match(answer, new RegExp(`"url":"${server.url}/uploads/`))
  assert.doesNotMatch(answer, /evil\.test/)
})

/** Ours, in another spelling than `<name@kabutar.test>`. */
const RESPELLED = ['<v@KABUTAR.TEST>', 'v@kabutar.test', '<v@kabutar.test.>', '<v@ｋａｂｕｔａｒ.test>', '<postmaster>']
const RECIPIENTS = [
  ...RESPELLED,
  '<v@far.test>',
  '<v%far.test@kabutar.test>',
  '<far.test!v@kabutar.test>',
  '<@kabutar.test:v@far.test>',
  '<@kabutar.test,@far.test:v@far.test>',
  '<"v@far.test"@kabutar.test>',
  '<"v@kabutar.test"@far.test>',
  '<v@kabutar.test@far.test>',
  '<v@far.test,v@kabutar.test>',
  '<v@far.test@kabutar.test>',
  '<v@[127.0.0.1]>',
  '<v@[::1]>',
  '<v@[IPv6:::1]>',
  '<v@localhost>',
  '<v@sub.kabutar.test>',
  '<@far.test>',
  '<>',
  '<v@kabutar.test> NOTIFY=NEVER',
  '<v@kabutar.test> ORCPT=rfc822;v@far.test',
  '<v@kabutar.test> <v@far.test>',
  '<v@kabutar.test\0@far.test>',
  '<"\\"@kabutar.test>',
  '<"a\\\r\nb"@kabutar.test>',
  `<${'a'.repeat(65)}@kabutar.test>`,
  '<v@xn--kabutar-.test>',
  '<v@kabutar.test(comment)>',
  '<(c)v@kabutar.test>',
  '<v @kabutar.test>',
  '<v@ kabutar.test>',
  '<v@kabutar..test>',
  '<v@kabutar.test;v@far.test>',
  '<v@kabutar.test#far.test>',
  '<v@kabutar.test/far.test>',
  '<v@kabutar.test:25>',
  '<|/bin/sh@kabutar.test>',
  '</etc/passwd@kabutar.test>',
  '<../../x@kabutar.test>',
  '<:include:/etc/passwd@kabutar.test>',
  '<"|touch x"@kabutar.test>',
  '<$(id)@kabutar.test>',
  '<__proto__@kabutar.test>',
  '<constructor@kabutar.test>',
  'v@kabutar.test>',
  '<v@kabutar.test',
  '<<v@kabutar.test>>',
  '< v@kabutar.test >',
  '<"v"@kabutar.test>',
  '<v@kabutar.test>\tX',
  `<${'a'.repeat(64)}@kabutar.test>`,
  '<.v@kabutar.test>',
  '<v.@kabutar.test>',
  '<v..x@kabutar.test>',
]

describe('the SMTP listener', () => {
  test('accepts no recipient whose domain is not ours', async (t) => {
    const accepted: string[] = []
    for (const path of RECIPIENTS) {
      const replies = await exchange(
        server.smtpPort ?? 0,
        `EHLO x.test\r\nMAIL FROM:<a@far.test>\r\nRCPT TO:${Buffer.from(path).toString('latin1')}\r\nQUIT\r\n`,
      )
      // The greeting, EHLO and MAIL have a reply each before that of RCPT.
      const reply = [...replies.matchAll(/^\d{3} .*$/gm)].map(([line]) => line)[3] ?? ''
      if (reply.startsWith('250')) accepted.push(path)
    }
    t.diagnostic(`${RECIPIENTS.length} paths, ${accepted.length} accepted`)
    assert.equal(RECIPIENTS.length, 57)
    assert.deepEqual(
      accepted.filter((path) => !path.endsWith('@kabutar.test>') && !RESPELLED.includes(path)),
      [],
    )
    assert.deepEqual(
      accepted.filter((path) => /^<@|@.*@(?!kabutar)/.test(path)),
      [],
    )
  })
})
