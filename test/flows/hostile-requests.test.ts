/** Requests with two ends, and recipients that are somewhere else: the real listeners answer each once, and relay nothing. */
import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { after, before, describe, test } from 'node:test'
import { framesOf } from '../faults/hostile/frames.ts'
import { type Server, startServer } from './support/server.ts'

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
    assert.ok(frames.length >= 50)
    assert.deepEqual(
      [...answers].filter(([, codes]) => codes.some((code) => code >= 500)),
      [],
    )
    for (const name of AMBIGUOUS) assert.deepEqual(answers.get(name), [400], name)
    assert.equal((await fetch(`${server.url}/health`)).status, 200)
  })
})

const RECIPIENTS = [
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
]

describe('the SMTP listener', () => {
  test('accepts no recipient whose domain is not ours', async (t) => {
    const accepted: string[] = []
    for (const path of RECIPIENTS) {
      const replies = await exchange(
        server.smtpPort ?? 0,
        `EHLO x.test\r\nMAIL FROM:<a@far.test>\r\nRCPT TO:${path}\r\nQUIT\r\n`,
      )
      // The greeting, EHLO and MAIL have a reply each before that of RCPT.
      const reply = [...replies.matchAll(/^\d{3} .*$/gm)].map(([line]) => line)[3] ?? ''
      if (reply.startsWith('250')) accepted.push(path)
    }
    t.diagnostic(`${RECIPIENTS.length} paths, ${accepted.length} accepted`)
    assert.deepEqual(
      accepted.filter((path) => !path.endsWith('@kabutar.test>')),
      [],
    )
    assert.deepEqual(
      accepted.filter((path) => /^<@|@.*@(?!kabutar)/.test(path)),
      [],
    )
  })
})
