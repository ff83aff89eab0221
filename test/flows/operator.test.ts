/** What the operator sees of the real process: the first screen, wrong settings, a failing relay, keys and domains that end. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Server, startServer } from './support/server.ts'
import { startSmtpPeer } from './support/smtp-peer.ts'

const ROOT = join(import.meta.dirname, '../..')
const START = 'packages/server/src/local.ts'
const skip = process.env.KABUTAR_FLOW === 'aws' && 'it is about the process on one machine'
const folder = mkdtempSync(join(tmpdir(), 'kabutar-operator-'))
after(() => rmSync(folder, { recursive: true, force: true }))

type Ran = { readonly code: number | null; readonly stdout: string; readonly stderr: string }

/** Runs a command to its end, or until it has printed `enough`. */
async function run(
  file: string,
  args: readonly string[],
  { env = {}, cwd = folder, enough }: { env?: Record<string, string>; cwd?: string; enough?: RegExp } = {},
): Promise<Ran> {
  const free = { KABUTAR_HTTP: '127.0.0.1:0', KABUTAR_SMTP: 'off', KABUTAR_DATA: join(folder, 'data') }
  const { PATH, NODE_COMPILE_CACHE } = process.env
  const child = spawn(process.execPath, [join(ROOT, file), ...args], {
    cwd,
    timeout: 10_000,
    env: { PATH, NODE_COMPILE_CACHE, ...free, ...env },
  })
  const text = { stdout: '', stderr: '' }
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].on('data', (chunk) => {
      text[name] += String(chunk)
      if (enough?.test(text.stdout)) child.kill()
    })
  }
  const [code] = (await once(child, 'close')) as [number | null]
  return { code, ...text }
}

describe('a start that can not be', { skip }, () => {
  const refused = async (env: Record<string, string>, line: RegExp) => {
    const { code, stdout, stderr } = await run(START, [], { env })
    assert.match(stderr, line)
    assert.deepEqual([code, stdout, stderr.trim().split('\n').length], [2, '', 1])
  }

  test('names the setting of a port that is in use', async () => {
    const taken = createServer().listen(0, '127.0.0.1')
    await once(taken, 'listening')
    const address = `127.0.0.1:${(taken.address() as AddressInfo).port}`
    try {
      await refused({ KABUTAR_HTTP: address }, /: KABUTAR_HTTP: port \d+ of 127\.0\.0\.1 is in use .* set another port/)
    } finally {
      taken.close()
    }
  })

  test('names KABUTAR_DATA for a folder in /proc, and does not spin there', () =>
    refused({ KABUTAR_DATA: '/proc/kabutar' }, /: KABUTAR_DATA: .* can't be created .*; name a folder/))

  test('names KABUTAR_DATA for a file', () =>
    refused({ KABUTAR_DATA: join(ROOT, 'README.md') }, /: KABUTAR_DATA: .* is no folder; name a folder/))

  test('names an address that is not of this machine', () =>
    refused({ KABUTAR_HTTP: '192.0.2.1:3000' }, /: KABUTAR_HTTP: this machine does not have the address 192\.0\.2\.1/))
})

describe('every command', { skip }, () => {
  const commands = [
    START,
    ...['account', 'backup', 'doctor', 'redrive', 'reread'].map((name) => `packages/cli/src/${name}.ts`),
  ]
  for (const file of [...commands, 'test/cost/cost.ts', 'test/bench/run.ts']) {
    test(`${file} has --help`, async () => {
      const { code, stdout, stderr } = await run(file, ['--help'])
      assert.equal(code, 0, stderr)
      assert.match(stdout, /^usage: (npm|node) /)
    })

    if (!file.includes('local') && !file.includes('account')) continue
    test(`${file} has --version`, async () =>
      assert.match((await run(file, ['--version'])).stdout, /^kabutar \d+\.\d+\.\d+\n$/))

    test(`${file} refuses unknown options in one line`, async () => {
      const { code, stdout, stderr } = await run(file, ['--no-such-option', 'x'])
      assert.deepEqual([code, stdout, stderr.trim().split('\n').length], [2, '', 1])
      assert.match(stderr, /--no-such-option/)
    })
  }
})

test('.env is read, variables win over it, and the first screen says what becomes of mail', { skip }, async () => {
  const cwd = join(folder, 'project')
  mkdirSync(cwd)
  writeFileSync(join(cwd, '.env'), 'KABUTAR_DOMAINS=from-file.test\nKABUTAR_DATA=/proc/never\n')
  const data = join(cwd, 'data')
  const start = (env = {}) =>
    run(START, [], { cwd, env: { KABUTAR_DATA: data, ...env }, enough: /delivered@resend\.dev', subject/ })
  const first = await start()
  assert.match(first.stdout, /captured: nothing leaves this machine/)
  assert.match(first.stdout, /May send: +from-file\.test/)
  assert.ok(first.stdout.includes(`Data:      ${data}\n`))
  assert.match(first.stdout, /Docs: .*\/docs, and http/)
  assert.match(first.stdout, /shown this once:\n\n {2}re_/)
  assert.doesNotMatch(first.stdout, /Kept:/)
  const second = await start({ KABUTAR_RELAY: 'smtp://relay.test:2500', KABUTAR_RETENTION: 'content=30,events=90' })
  assert.match(second.stdout, /Mail: +leaves through relay\.test:2500/)
  assert.match(second.stdout, /Kept: +content for 30 days, events for 90 days \(KABUTAR_RETENTION\)/)
  assert.match(second.stdout, /Bearer \$RESEND_API_KEY"/)
  assert.match(second.stderr, /"started"/)
  assert.match(second.stdout, /If it is lost, make another: npm run account -- keys create NAME/)
})

test('a relay with a wrong password is reported at the start, by /health, and by the message', { skip }, async () => {
  await using peer = await startSmtpPeer({ auth: { user: 'ada', password: 'right' } })
  const relay = peer.url.replace('right', 'wrong')
  await using server = await startServer({ env: { KABUTAR_RELAY: relay } })
  const headers = { Authorization: `Bearer ${server.apiKey}` }
  const json = async (path: string, init?: RequestInit) =>
    (await (await fetch(`${server.url}${path}`, { headers, ...init })).json()) as Record<string, unknown>
  const until = async (what: () => Promise<boolean> | boolean) => {
    for (const end = Date.now() + 4000; Date.now() < end && !(await what()); await sleep(20));
  }
  const isWarned = () => server.stderr.some((line) => line.includes('"level":"warn"') && line.includes('KABUTAR_RELAY'))
  await until(isWarned)
  const line = server.stderr.find((one) => one.includes('KABUTAR_RELAY')) ?? ''
  assert.match(line, /refuses the user or the password; check KABUTAR_RELAY/)
  assert.doesNotMatch(line, /wrong/)
  assert.deepEqual(await json('/health'), { status: 'degraded', reasons: ['relay_failing'] })
  const body = JSON.stringify({ from: 'a@kabutar.test', to: 'b@y.test', subject: 's', text: 't' })
  const { id } = await json('/emails', { method: 'POST', body })
  await until(async () => (await json(`/emails/${id}`)).last_event === 'delivery_delayed')
  const { recipients, next_attempt_at } = await json(`/emails/${id}`)
  assert.match((recipients as { diagnostic: string }[])[0]?.diagnostic ?? '', /535/)
  assert.ok(Date.parse(String(next_attempt_at)) > Date.now())
})

const send = async ({ url }: Server, key: string, from: string) => {
  const body = JSON.stringify({ from, to: 'delivered@resend.dev', subject: 's', text: 't' })
  const headers = { Authorization: `Bearer ${key}` }
  return (await fetch(`${url}/emails`, { method: 'POST', headers, body })).status
}

test('keys and domains of variables hold only while they are set', { skip }, async () => {
  const [first, second] = ['re_first-key-of-the-test', 're_second-key-of-the-test']
  await using server = await startServer({ apiKey: first, env: { KABUTAR_DOMAINS: 'a.test,b.test' } })
  const answers = (key: string) =>
    Promise.all(['x@a.test', 'x@b.test', 'onboarding@resend.dev'].map((from) => send(server, key, from)))
  assert.deepEqual(await answers(first), [200, 200, 200])
  await server.restart({ KABUTAR_API_KEY: second, KABUTAR_DOMAINS: 'a.test' })
  assert.deepEqual(await answers(first), [403, 403, 403])
  assert.deepEqual(await answers(second), [200, 403, 200])
})

test('npm run account lists, makes and deletes keys of the running server', { skip }, async () => {
  await using server = await startServer({ env: { KABUTAR_DOMAINS: 'kabutar.test,other.test' } })
  const account = (...args: string[]) => run('packages/cli/src/account.ts', [...args, '--data', server.dataFolder])
  const made = await account('keys', 'create', 'Made by hand')
  const [token = ''] = /re_\S+/.exec(made.stdout) ?? []
  assert.equal(await send(server, token, 'x@kabutar.test'), 200, made.stderr)
  const [{ stdout: listed }, accounts] = await Promise.all([account('keys', 'list'), account('list')])
  assert.match(accounts.stdout, /^first {2}\S+ {2}content as the setting, events as the setting {2}First account\n$/)
  const [id = ''] =
    listed
      .split('\n')
      .find((line) => line.includes('Made by hand'))
      ?.split(' ') ?? []
  assert.equal((await account('keys', 'delete', id)).code, 0)
  assert.equal(await send(server, token, 'x@kabutar.test'), 403)
  const [narrow, unknown] = await Promise.all([
    account('keys', 'create', 'One domain', '--domain', 'Kabutar.test'),
    account('keys', 'create', 'Not ours', '--domain', 'far.test'),
  ])
  const [sender = ''] = /re_\S+/.exec(narrow.stdout) ?? []
  assert.equal(await send(server, sender, 'x@kabutar.test'), 200, narrow.stderr)
  assert.equal(await send(server, sender, 'x@other.test'), 403)
  assert.match(unknown.stderr, /Domain not found/)
})

test('a shared data folder keeps its mode and is warned of', { skip }, async () => {
  const shared = join(folder, 'shared')
  mkdirSync(shared)
  chmodSync(shared, 0o1777)
  await using server = await startServer({ dataFolder: shared })
  assert.equal((await fetch(`${server.url}/health`)).status, 200)
  assert.ok(server.stderr.some((line) => /KABUTAR_DATA: every user may write .* chmod o-w/.test(line)))
  assert.equal(statSync(shared).mode & 0o7777, 0o1777)
  for (const name of readdirSync(shared)) assert.equal(statSync(join(shared, name)).mode & 0o077, 0, name)
})
