/** The official command line (resend-cli) and MCP server (resend-mcp) of npm, unmodified, against the server process. */
import assert from 'node:assert/strict'
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { text as readAll } from 'node:stream/consumers'
import { after, before, describe, test } from 'node:test'
import { Resend } from 'resend'
import { ok, until } from '../flows/support/ask.ts'
import { type Server, startServer } from '../flows/support/server.ts'
import { installNpm } from './toolchain.ts'

const home = mkdtempSync(join(tmpdir(), 'kabutar-clients-'))
let server: Server
let resend: Resend
let packages = ''
let received = ''
before(async () => {
  packages = join(installNpm('clients', ['resend-cli@2.21.0', 'resend-mcp@2.22.0']), 'node_modules')
  server = await startServer()
  resend = new Resend(server.apiKey, { baseUrl: server.url })
  await server.receive('From: eve@far.test\r\nSubject: to the clients\r\n\r\nhello\r\n', ['in@kabutar.test'])
  received = await until('the mail to arrive', async () => (await ok(resend.emails.receiving.list())).data[0]?.id)
})
after(async () => {
  await server?.close()
  rmSync(home, { recursive: true, force: true })
})

/** The environment without the settings of the shell that runs the tests. */
const environment = () => ({
  PATH: process.env.PATH,
  HOME: home,
  RESEND_API_KEY: server.apiKey,
  RESEND_BASE_URL: server.url,
})

/** What the command line prints, as JSON. @throws {Error} with what it said, unless it exits with 0 */
// biome-ignore lint/suspicious/noExplicitAny: whatever the command prints
async function cli(...args: readonly string[]): Promise<any> {
  const program = join(packages, 'resend-cli/dist/cli.cjs')
  const child = spawn(process.execPath, [program, ...args, '--json'], { env: environment(), timeout: 30_000 })
  child.stdin.end()
  const [stdout, stderr] = [readAll(child.stdout), readAll(child.stderr)]
  const [code] = await once(child, 'close')
  if (code !== 0) throw new Error(`resend ${args.join(' ')}: ${await stdout}${await stderr}`)
  return JSON.parse(await stdout)
}

describe('resend-cli', () => {
  test('sends with an attachment, and reads what it sent', async () => {
    const file = join(home, 'a file.txt')
    writeFileSync(file, 'one')
    const from = ['--from', 'Ada <ada@kabutar.test>', '--to', 'in@kabutar.test', '--subject', 'from the command line']
    const { id } = await cli('emails', 'send', ...from, '--text', 't', '--attachment', file)
    const { subject, to } = await cli('emails', 'get', id)
    assert.deepEqual([subject, to], ['from the command line', ['in@kabutar.test']])
    const { data } = await cli('emails', 'list')
    assert.ok(data.some((email: { id: string }) => email.id === id))
    const arrived = await until('the mail to arrive', async () =>
      (await ok(resend.emails.receiving.list())).data.find((email) => email.subject === subject),
    )
    assert.deepEqual(
      arrived.attachments.map(({ filename, size }) => [filename, size]),
      [['a file.txt', 3]],
    )
  })

  test('lists, reads and forwards received mail', async () => {
    const { data } = await cli('emails', 'receiving', 'list')
    assert.ok(data.some((email: { id: string }) => email.id === received))
    assert.equal((await cli('emails', 'receiving', 'get', received)).text.trim(), 'hello')
    const addresses = ['--to', 'bob@far.test', '--from', 'ada@kabutar.test']
    const { id } = await cli('emails', 'receiving', 'forward', received, ...addresses)
    assert.equal((await ok(resend.emails.get(id))).subject, 'to the clients')
  })

  test('makes, changes and removes webhooks, domains, keys and suppressions', async () => {
    const hook = ['--endpoint', 'https://example.com/hook', '--events', 'email.delivered', 'email.opened']
    const webhook = await cli('webhooks', 'create', ...hook)
    await cli('webhooks', 'update', webhook.id, '--status', 'disabled')
    assert.equal((await cli('webhooks', 'get', webhook.id)).status, 'disabled')
    assert.equal((await cli('webhooks', 'delete', webhook.id, '--yes')).deleted, true)

    const domain = await cli('domains', 'create', '--name', 'cli.example.com', '--receiving')
    assert.ok(domain.records.length > 0)
    await cli('domains', 'verify', domain.id)
    assert.equal((await cli('domains', 'get', domain.id)).name, 'cli.example.com')
    assert.equal((await cli('domains', 'delete', domain.id, '--yes')).deleted, true)

    const key = await cli('api-keys', 'create', '--name', 'of the command line', '--permission', 'sending_access')
    assert.match(key.token, /^re_/)
    assert.equal((await cli('api-keys', 'delete', key.id, '--yes')).deleted, true)

    await cli('suppressions', 'add', 'eve@example.org')
    assert.equal((await cli('suppressions', 'list')).data[0].email, 'eve@example.org')
  })

  test('its doctor finds nothing wrong', async () => {
    const { checks } = await cli('doctor')
    const failed = checks.filter(({ status }: { status: string }) => status === 'fail')
    assert.deepEqual(failed, [])
  })
})

/** A session of the Model Context Protocol over stdio: JSON-RPC, one message a line. */
class McpSession {
  readonly #child: ChildProcessWithoutNullStreams
  readonly #waiting = new Map<number, (answer: { result?: unknown; error?: unknown }) => void>()
  #last = 0

  constructor(program: string, env: NodeJS.ProcessEnv) {
    this.#child = spawn(process.execPath, [program], { env })
    createInterface({ input: this.#child.stdout }).on('line', (line) => {
      const { id, ...answer } = JSON.parse(line)
      this.#waiting.get(id)?.(answer)
    })
  }

  /** @throws {Error} for an error, or after 20 s */
  // biome-ignore lint/suspicious/noExplicitAny: whatever the server answers
  async ask(method: string, params: object = {}): Promise<any> {
    const id = ++this.#last
    const { promise, resolve, reject } = Promise.withResolvers<{ result?: unknown; error?: unknown }>()
    this.#waiting.set(id, resolve)
    const late = setTimeout(() => reject(new Error(`no answer to ${method}`)), 20_000)
    this.#child.stdin.write(`${JSON.stringify({ jsonrpc: '2.0', id, method, params })}\n`)
    const { result, error } = await promise.finally(() => clearTimeout(late))
    if (error !== undefined) throw new Error(JSON.stringify(error))
    return result
  }

  notify(method: string): void {
    this.#child.stdin.write(`${JSON.stringify({ jsonrpc: '2.0', method })}\n`)
  }

  /** The text that a tool answers. @throws {Error} if it failed */
  async call(name: string, args: object = {}): Promise<string> {
    const { content, isError } = await this.ask('tools/call', { name, arguments: args })
    const text = content.map((one: { text?: string }) => one.text ?? '').join('\n')
    if (isError) throw new Error(`${name}: ${text}`)
    return text
  }

  async close(): Promise<void> {
    this.#child.kill()
    await once(this.#child, 'close')
  }
}

describe('resend-mcp', () => {
  let session: McpSession
  before(async () => {
    session = new McpSession(join(packages, 'resend-mcp/dist/index.js'), environment())
    const clientInfo = { name: 'kabutar', version: '1' }
    await session.ask('initialize', { protocolVersion: '2025-06-18', capabilities: {}, clientInfo })
    session.notify('notifications/initialized')
  })
  after(() => session?.close())

  test('sends an email, and reads it', async () => {
    const email = { from: 'ada@kabutar.test', to: ['in@kabutar.test'], subject: 'from an agent', text: 't' }
    const sent = await session.call('send-email', {
      ...email,
      attachments: [{ filename: 'a.txt', content: Buffer.from('one').toString('base64') }],
    })
    const id = /[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/.exec(sent)?.[0] ?? ''
    assert.match(await session.call('get-email', { id }), /from an agent/)
    assert.match(await session.call('list-emails'), /from an agent/)
  })

  test('reads received mail', async () => {
    assert.match(await session.call('list-received-emails'), /to the clients/)
    assert.match(await session.call('get-received-email', { id: received }), /hello/)
  })

  test('makes and removes webhooks, domains and keys', async () => {
    const uuid = /[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/
    const idIn = (text: string) => uuid.exec(text)?.[0] ?? ''
    const webhook = await session.call('create-webhook', {
      endpoint: 'https://example.com/hook',
      events: ['email.sent', 'email.clicked', 'contact.created'],
    })
    assert.match(await session.call('list-webhooks'), /example\.com\/hook/)
    await session.call('remove-webhook', { webhookId: idIn(webhook) })
    const domain = await session.call('create-domain', { name: 'agent.example.com' })
    assert.match(await session.call('get-domain', { id: idIn(domain) }), /agent\.example\.com/)
    await session.call('remove-domain', { id: idIn(domain) })
    assert.match(await session.call('create-api-key', { name: 'of an agent', permission: 'sending_access' }), /re_/)
    assert.match(await session.call('list-api-keys'), /of an agent/)
  })
})
