/** The official SDKs of Python, Go and Rust drive the server; each program of ours prints what its SDK answered. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { text as readAll } from 'node:stream/consumers'
import { after, before, describe, test } from 'node:test'
import { EVENT_TYPES } from '@kabutar/core/webhooks/event.ts'
import { Resend } from 'resend'
import { ok, until } from '../flows/support/ask.ts'
import { type Server, startServer } from '../flows/support/server.ts'
import { startWebhookReceiver } from '../flows/support/webhook-receiver.ts'
import { buildGo, buildRust, installPython } from './toolchain.ts'

type Given = {
  readonly received: string
  readonly delivery: {
    readonly payload: string
    readonly secret: string
    readonly headers: { readonly id: string; readonly timestamp: string; readonly signature: string }
  }
}
type Said = { readonly step: string; readonly value?: unknown; readonly error?: string }
type Sdk = {
  readonly name: string
  readonly subject: string
  /** Installs the SDK, and answers the command that drives it. */
  prepare(): readonly [command: string, ...args: string[]]
  /** What this SDK answers otherwise than most, or (`undefined`) cannot do. */
  readonly differs: Readonly<Record<string, unknown>>
}

const SOURCES = join(import.meta.dirname, 'sdks')
const MISSING = { statusCode: 404, name: 'not_found' }
const RECEIVED = {
  from: 'Eve <eve@far.test>',
  to: ['in@kabutar.test'],
  cc: [],
  bcc: [],
  reply_to: [],
  subject: 'to the SDKs',
}

const SDKS: readonly Sdk[] = [
  {
    name: 'Python (resend 2.52.0)',
    subject: 'from Python',
    prepare: () => [join(installPython('resend', '2.52.0'), 'python'), join(SOURCES, 'python/main.py')],
    differs: {},
  },
  {
    name: 'Go (resend-go 3.1.1)',
    subject: 'from Go',
    prepare: () => [buildGo(join(SOURCES, 'go'))],
    differs: {
      // It keeps the text alone.
      missing: '[ERROR]: Email not found',
      'domain verify': true,
      'key update': undefined,
    },
  },
  {
    name: 'Rust (resend-rs 0.35.1)',
    subject: 'from Rust',
    prepare: () => [buildRust(join(SOURCES, 'rust'))],
    differs: {
      'receiving attachments': { filename: 'a.txt' },
      // It leaves that to the svix crate.
      'webhook verify': undefined,
      'webhook verify, changed': undefined,
    },
  },
]

/** The value of each step, or what it must match. */
const expected = (subject: string): Readonly<Record<string, unknown>> => ({
  send: /^[0-9a-f-]{36}$/,
  'send again': true,
  get: { subject, to: ['in@kabutar.test'], text: 't' },
  list: true,
  missing: MISSING,
  'receiving list': RECEIVED,
  'receiving get': { ...RECEIVED, text: 'hello', 'x-one': '1' },
  'receiving attachments': { filename: 'a.txt', content: 'one' },
  'webhook create': 'whsec_',
  'webhook update': 'webhook',
  'webhook get': { endpoint: 'http://127.0.0.1:9/', status: 'disabled', events: ['email.received'] },
  'webhook list': true,
  'webhook remove': true,
  'webhook verify': 'email.received',
  'webhook verify, changed': 'refused',
  'domain create': { status: 'not_started', records: ['DKIM', 'SPF'] },
  'domain update': true,
  'domain get': /^(python|go|rust)\.example\.com$/,
  'domain list': true,
  'domain verify': 'domain',
  'domain remove': true,
  'key create': 're_',
  'key update': 'api_key',
  'key list': true,
  'key remove': true,
})

const MESSAGE = [
  'From: Eve <eve@far.test>',
  'To: in@kabutar.test',
  'Subject: to the SDKs',
  'X-One: 1',
  'MIME-Version: 1.0',
  'Content-Type: multipart/mixed; boundary=b',
  '',
  '--b',
  'Content-Type: text/plain',
  '',
  'hello',
  '--b',
  'Content-Type: text/plain; name=a.txt',
  'Content-Disposition: attachment; filename=a.txt',
  '',
  'one',
  '--b--',
  '',
].join('\r\n')

/** A received message, and the webhook that told of it. */
async function prepareServer(server: Server, resend: Resend): Promise<Given> {
  await using receiver = await startWebhookReceiver()
  const endpoint = receiver.url('/hook')
  const { id, signing_secret: secret } = await ok(resend.webhooks.create({ endpoint, events: ['email.received'] }))
  receiver.trust('/hook', secret)
  await server.receive(MESSAGE, ['in@kabutar.test'])
  const [delivery] = await receiver.waitFor('/hook', ({ length }) => length > 0)
  assert.ok(delivery)
  await ok(resend.webhooks.remove(id))
  const header = (name: string) => String(delivery.headers[`svix-${name}`])
  const headers = { id: header('id'), timestamp: header('timestamp'), signature: header('signature') }
  return { received: JSON.parse(delivery.body).data.email_id, delivery: { payload: delivery.body, secret, headers } }
}

async function drive(command: readonly [string, ...string[]], given: object): Promise<readonly Said[]> {
  const [program, ...args] = command
  const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'pipe'], timeout: 60_000 })
  const [stdout, stderr] = [readAll(child.stdout), readAll(child.stderr)]
  child.stdin.end(JSON.stringify(given))
  const [code] = await once(child, 'close')
  assert.equal(code, 0, `${await stdout}${await stderr}`)
  return (await stdout)
    .trim()
    .split('\n')
    .map((line): Said => JSON.parse(line))
}

for (const { name, subject, prepare, differs } of SDKS) {
  describe(`the official SDK of ${name}`, () => {
    let server: Server
    let resend: Resend
    let said: readonly Said[] = []
    before(async () => {
      const command = prepare()
      server = await startServer()
      resend = new Resend(server.apiKey, { baseUrl: server.url })
      const given = await prepareServer(server, resend)
      said = await drive(command, { ...given, url: server.url, api_key: server.apiKey, events: EVENT_TYPES })
    })
    after(() => server?.close())

    const steps = Object.entries({ ...expected(subject), ...differs }).filter(([, value]) => value !== undefined)
    for (const [step, value] of steps) {
      test(step, () => {
        const found = said.find((one) => one.step === step)
        if (value instanceof RegExp) assert.match(String(found?.value ?? found?.error), value)
        else assert.deepEqual(found, { step, value })
      })
    }

    test('it takes every other step', () => {
      assert.deepEqual(said.map(({ step }) => step).sort(), steps.map(([step]) => step).sort())
    })

    test('the attachments that it sent arrive byte for byte', async () => {
      const id = await until('the mail to arrive', async () => {
        const { data } = await ok(resend.emails.receiving.list())
        return data.find((email) => email.subject === subject)?.id
      })
      const { data } = await ok(resend.emails.receiving.attachments.list({ emailId: id }))
      const files = await Promise.all(
        data.map(async ({ filename, content_id, download_url }) => {
          const bytes = Buffer.from(await (await fetch(download_url)).arrayBuffer())
          return [filename, content_id, bytes.toString('hex')]
        }),
      )
      const octets = Buffer.from(Array.from({ length: 256 }, (_, n) => n))
      assert.deepEqual(files.sort(), [
        ['logo.png', 'logo', '89504e470d0a1a0a'],
        ['octets.bin', undefined, octets.toString('hex')],
      ])
    })
  })
}
