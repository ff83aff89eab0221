/** Debian's swaks, nodemailer and a relaying Postfix deliver to the server process; the API gives back what they sent. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { selfSigned } from '@kabutar/testing/certificate.ts'
import { createTransport } from 'nodemailer'
import { Resend } from 'resend'
import { listReceived, rawOf, untilListed } from '../flows/support/inbox.ts'
import { type Server, startServer } from '../flows/support/server.ts'
import { asLines, connectSender } from '../flows/support/smtp-sender.ts'
import { filesOf, installDebian } from './debian.ts'
import { startPostfix } from './postfix.ts'

const folder = mkdtempSync(join(tmpdir(), 'kabutar-interop-'))
let server: Server
before(async () => {
  installDebian(['swaks', 'libnet-ssleay-perl', 'postfix'])
  const { key, cert } = selfSigned('mx.kabutar.test')
  writeFileSync(join(folder, 'key.pem'), key, { mode: 0o600 })
  writeFileSync(join(folder, 'cert.pem'), cert)
  const env = { KABUTAR_TLS_KEY: join(folder, 'key.pem'), KABUTAR_TLS_CERT: join(folder, 'cert.pem') }
  server = await startServer({ env })
})
after(async () => {
  await server?.close()
  rmSync(folder, { recursive: true, force: true })
})

const EIGHT_BITS = 'Subject: p\u00e9age\r\nFrom: a@far.test\r\n\r\n.dot\r\n\u00fcber \u4e16\u754c\r\n\r\n'
const ADA = 'ada@kabutar.test'
const port = () => server.smtpPort ?? 0

/** The exit code of swaks (its manual, EXIT CODES) and the dialogue. */
function swaks(...args: readonly string[]): Promise<{ code: number; dialogue: string }> {
  const peer = ['--server', '127.0.0.1', '--port', String(port()), '--helo', 'far.test', '--from', 'eve@far.test']
  return new Promise((resolve) => {
    const child = execFile('swaks', [...peer, ...args], { timeout: 30_000 }, (error, stdout, stderr) =>
      resolve({ code: error ? Number(error.code) : 0, dialogue: `${stdout}${stderr}` }),
    )
    child.stdin?.end()
  })
}

const idOf = (dialogue: string) => /250 2\.0\.0 Ok: queued as (\S+)/.exec(dialogue)?.[1] ?? ''

describe('swaks', () => {
  const file = (name: string, content: string | Buffer) => {
    const path = join(folder, name)
    writeFileSync(path, content)
    return path
  }
  const data = () => `@${file('message.eml', EIGHT_BITS.replaceAll('\r\n', '\n'))}`
  const cases: readonly { name: string; args: () => readonly string[]; says?: RegExp }[] = [
    { name: 'says EHLO', args: () => ['--to', ADA], says: /250-SIZE 41943040/ },
    { name: 'says HELO', args: () => ['--to', ADA, '--protocol', 'SMTP'] },
    { name: 'pipelines', args: () => ['--to', ADA, '--pipeline'], says: /250-PIPELINING/ },
    {
      name: 'sends to four at once, pipelined',
      args: () => ['--pipeline', '--to', `${ADA},b@kabutar.test,c@kabutar.test,Postmaster@KABUTAR.TEST`],
    },
    { name: 'starts TLS', args: () => ['--to', ADA, '--tls'], says: /TLS started with cipher TLSv1\.3/ },
    { name: 'pipelines within TLS', args: () => ['--to', ADA, '--tls', '--pipeline'], says: /TLS started/ },
  ]
  for (const { name, args, says = /./ } of cases) {
    test(`${name}: the message is kept byte for byte`, async () => {
      const { code, dialogue } = await swaks(...args(), '--data', data())
      assert.equal(code, 0, dialogue)
      assert.match(dialogue, says)
      const id = idOf(dialogue)
      await untilListed(server, [id])
      // swaks adds an empty line to the end of a message.
      assert.equal((await rawOf(server, id)).toString().trimEnd(), EIGHT_BITS.trimEnd())
    })
  }

  test('an attachment is unchanged', async () => {
    const bytes = Buffer.from(Array.from({ length: 100_000 }, (_, n) => (n * 7919) % 256))
    const path = file('every octet.bin', bytes)
    const { code, dialogue } = await swaks('--to', ADA, '--attach', `@${path}`, '--header', 'Subject: with a file')
    assert.equal(code, 0, dialogue)
    const id = idOf(dialogue)
    await untilListed(server, [id])
    const resend = new Resend(server.apiKey, { baseUrl: server.url })
    const { data } = await resend.emails.receiving.attachments.list({ emailId: id })
    const found = data?.data.find(({ size }) => size === bytes.length)
    assert.ok(found, JSON.stringify(data?.data.map(({ filename, size }) => [filename, size])))
    const answer = await fetch(found.download_url)
    assert.ok(Buffer.from(await answer.arrayBuffer()).equals(bytes))
  })

  const refusals: readonly { name: string; args: readonly string[]; says: RegExp; code: number }[] = [
    { name: 'a stranger', args: ['--to', 'x@elsewhere.test'], says: /550 5\.7\.1/, code: 24 },
    { name: 'a stranger, pipelined', args: ['--to', 'x@elsewhere.test', '--pipeline'], says: /550 5\.7\.1/, code: 24 },
    { name: 'a name too long', args: ['--to', `${'x'.repeat(257)}@kabutar.test`], says: /501 5\.1\.3/, code: 24 },
    { name: 'AUTH', args: ['--to', ADA, '--auth', 'PLAIN', '--au', 'a', '--ap', 'b'], says: /not advertise/, code: 28 },
  ]
  for (const { name, args, says, code } of refusals) {
    test(`${name} is refused, and nothing is stored`, async () => {
      const before = (await listReceived(server)).length
      const answer = await swaks(...args)
      assert.match(answer.dialogue, says)
      assert.equal(answer.code, code, answer.dialogue)
      await sleep(200)
      assert.equal((await listReceived(server)).length, before)
    })
  }

  test('of two recipients the one of another domain is refused', async () => {
    const { dialogue } = await swaks('--to', `x@elsewhere.test,${ADA}`, '--pipeline')
    assert.match(dialogue, /550 5\.7\.1/)
    await untilListed(server, [idOf(dialogue)])
  })
})

test('nodemailer pools its connections and starts TLS: every message is kept byte for byte', async () => {
  const pool = createTransport({ host: '127.0.0.1', port: port(), pool: true, tls: { rejectUnauthorized: false } })
  const raws = new Map<string, string>()
  try {
    const send = async (n: number) => {
      const raw = `Subject: pooled ${n}\r\n\r\n${'..\r\n.\r\n\u00fc\r\n'.repeat(n * n)}`
      const envelope = { from: 'eve@far.test', to: [ADA, 'x@elsewhere.test'], use8BitMime: true }
      const { response, accepted, rejected } = await pool.sendMail({ envelope, raw })
      assert.deepEqual([accepted, rejected], [[ADA], ['x@elsewhere.test']])
      raws.set(idOf(response), raw)
    }
    await Promise.all(Array.from({ length: 60 }, (_, n) => send(n)))
  } finally {
    pool.close()
  }
  assert.equal(raws.size, 60)
  await untilListed(server, raws.keys())
  for (const [id, raw] of raws) assert.ok((await rawOf(server, id)).equals(Buffer.from(raw)), id)
})

describe('Postfix as a relay in front', () => {
  test('a relayed message is stored byte for byte, below its trace field', async () => {
    const postfix = await startPostfix({ relayTo: { host: '127.0.0.1', port: port() }, maxBytes: 50_000_000 })
    const sender = await connectSender(postfix.port)
    const bodies = ['short\r\n', EIGHT_BITS, '.\r\n..\r\n\r\n', `${'a line\r\n'.repeat(20_000)}`, '\u00e9'.repeat(400)]
    const sent = new Map<string, Buffer>()
    try {
      for (const [n, body] of bodies.entries()) {
        const fields = `From: eve@far.test\r\nTo: ${ADA}\r\nDate: Thu, 1 Jan 2026 00:00:00 +0000\r\n`
        const raw = asLines(
          Buffer.from(`${fields}Message-ID: <p${n}@far.test>\r\nSubject: relayed ${n}\r\n\r\n${body}`),
        )
        sent.set(`relayed ${n}`, raw)
        await sender.send(ADA, raw).catch((error: Error) => assert.match(error.message, /names no id/))
      }
      const received = await untilSubjects([...sent.keys()], () => postfix.log())
      for (const [subject, raw] of sent) {
        const kept = await rawOf(server, received.get(subject) ?? '')
        assert.ok(withoutTrace(kept).equals(raw), `${subject} was changed`)
      }
    } finally {
      sender.close()
      await postfix.stop()
    }
  })
})

async function untilSubjects(wanted: readonly string[], log: () => string): Promise<ReadonlyMap<string, string>> {
  for (let tries = 0; tries < 200; tries++) {
    const ids = new Map((await listReceived(server)).map(({ id, subject }) => [subject, id]))
    if (wanted.every((subject) => ids.has(subject))) return ids
    await sleep(100)
  }
  throw new Error(`not all came within 20 s: ${log().slice(-2000)}`)
}

/** Removes the field that Postfix put on top. */
function withoutTrace(raw: Buffer): Buffer {
  const trace = /^Received: .*\r\n([ \t].*\r\n)*/.exec(raw.toString('latin1'))?.[0] ?? ''
  assert.match(trace, /mx\.postfix\.test \(Postfix\)/)
  return raw.subarray(trace.length)
}

const CORPORA = [
  { name: 'golang-github-jhillyerd-enmime-dev', pattern: /\/testdata\/.*\.(raw|eml|golden|txt)$/, atLeast: 90 },
  { name: 'libpython3.11-testsuite', pattern: /\/test_email\/data\/msg_.*\.txt$/, atLeast: 45 },
] as const

describe('messages of others', () => {
  for (const { name, pattern, atLeast } of CORPORA) {
    test(`every file of ${name} is kept byte for byte`, async (t) => {
      installDebian([name])
      const files = filesOf(name).filter((path) => pattern.test(path) && statSync(path).isFile())
      assert.ok(files.length >= atLeast, `${files.length} files`)
      const sent = new Map<string, Buffer>()
      let converted = 0
      const sender = await connectSender(port())
      try {
        for (const path of files) {
          const file = readFileSync(path)
          const raw = asLines(file)
          if (!raw.equals(file)) converted++
          sent.set(await sender.send(ADA, raw), raw)
        }
      } finally {
        sender.close()
      }
      t.diagnostic(`${files.length} files, ${converted} of them given CRLF where they had bare LF or no last line end`)
      await untilListed(server, sent.keys())
      for (const [id, raw] of sent) assert.ok((await rawOf(server, id)).equals(raw), id)
    })
  }
})
