/** Runs every example of the README, CONTRIBUTING and docs/, each page against a server of its own. */
import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { describe, test } from 'node:test'
import { startServer } from './support/server.ts'
import { reads, type Snippet, snippetsOf } from './support/snippets.ts'

const ROOT = join(import.meta.dirname, '../..')
const PAGES = [
  'README.md',
  'CONTRIBUTING.md',
  ...readdirSync(join(ROOT, 'docs'))
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
].map((page) => ({ page, snippets: snippetsOf(readFileSync(join(ROOT, page), 'utf8')) }))
/** These pages list things and have nothing to run; every other page has examples. */
const WITHOUT_EXAMPLES = ['architecture', 'console', 'errors', 'index', 'limits', 'scale', 'security', 'settings'].map(
  (name) => `docs/${name}.md`,
)
const SCRIPTS = (JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { scripts: object }).scripts
const TIMEOUT_MS = 60_000

const skip = process.env.KABUTAR_FLOW === 'aws' && 'the pages speak of the server that npm start starts'

type Place = { readonly folder: string; readonly env: Record<string, string | undefined> }

test('every page has an example, or is one of those that need none', () => {
  const without = PAGES.filter(({ snippets }) => snippets.length === 0).map(({ page }) => page)
  assert.deepEqual(without.toSorted(), WITHOUT_EXAMPLES)
})

for (const { page, snippets } of PAGES.filter((one) => one.snippets.length > 0)) {
  test(`the examples of ${page} do what it says`, { skip }, async (t) => {
    await using server = await startServer()
    const folder = mkdtempSync(join(tmpdir(), 'kabutar-docs-'))
    try {
      symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'))
      const env = { ...process.env, RESEND_BASE_URL: server.url, RESEND_API_KEY: server.apiKey }
      for (const snippet of snippets) {
        const code = snippet.code.replaceAll('http://127.0.0.1:3000', server.url).replaceAll('re_…', server.apiKey)
        await t.test(`line ${snippet.line}`, () => run({ ...snippet, code }, { folder, env }))
      }
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  })
}

async function run(snippet: Snippet, place: Place): Promise<void> {
  if (snippet.language === 'ts') return runProgram(snippet, place)
  const code = snippet.code.replace(/^npm ci && /gm, '')
  if (/\bnpm start$/m.test(code)) return runStart(code, place)
  const suites = code.split('\n').filter((line) => /^(npx node --test|npm (test|run)) ?/.test(line))
  for (const line of suites) assertSuite(line)
  if (suites.length === 0) check(snippet, ['bash', '-euc', code], place)
}

function runProgram(snippet: Snippet, place: Place): void {
  const file = join(place.folder, `line-${snippet.line}.ts`)
  writeFileSync(file, snippet.code)
  check(snippet, [process.execPath, file], place)
}

function check({ prints }: Snippet, [command = '', ...args]: readonly string[], { folder, env }: Place): void {
  const { status, stdout, stderr } = spawnSync(command, args, {
    cwd: folder,
    env,
    encoding: 'utf8',
    timeout: TIMEOUT_MS,
  })
  assert.equal(status, 0, `${stdout}\n${stderr}`)
  if (prints !== undefined) assert.ok(reads(prints, stdout), `it printed: ${stdout}`)
}

/** Starts the server as the page does, but on a free port and in its own folder. */
async function runStart(code: string, { folder, env }: Place): Promise<void> {
  const { RESEND_BASE_URL: _, ...rest } = env
  const child = spawn('bash', ['-euc', code], {
    cwd: ROOT,
    env: {
      ...rest,
      KABUTAR_HTTP: '127.0.0.1:0',
      KABUTAR_LOG: 'error',
      KABUTAR_SMTP: '127.0.0.1:0',
      KABUTAR_DATA: mkdtempSync(join(folder, 'data-')),
    },
    stdio: ['ignore', 'pipe', 'inherit'],
    detached: true,
  })
  const late = setTimeout(() => stopGroup(child.pid, 'SIGKILL'), TIMEOUT_MS)
  const closed = once(child, 'close')
  try {
    let url: string | undefined
    for await (const line of createInterface({ input: child.stdout })) {
      url = /^Kabutar listens on (\S+)$/.exec(line)?.[1]
      if (url !== undefined) break
    }
    assert.ok(url !== undefined, 'the server did not start')
    assert.equal((await fetch(`${url}/health`)).status, 200)
  } finally {
    stopGroup(child.pid, 'SIGTERM')
    await closed
    clearTimeout(late)
  }
}

function stopGroup(pid: number | undefined, signal: NodeJS.Signals): void {
  try {
    if (pid !== undefined) process.kill(-pid, signal)
  } catch {
    // It ended by itself.
  }
}

/** Checks that a suite which a page names exists; its own script runs it. */
function assertSuite(line: string): void {
  const [, script] = /^npm (?:run )?(\S+)/.exec(line) ?? []
  if (script !== undefined) {
    assert.ok(script in SCRIPTS, `there is no ${line}`)
    return
  }
  const files = line.match(/\S+\.test\.ts/g) ?? []
  assert.ok(files.length > 0, `${line} names no test`)
  for (const file of files) assert.ok(existsSync(join(ROOT, file)), `there is no ${file}`)
  const [, pattern] = /--test-name-pattern="([^"]+)"/.exec(line) ?? []
  if (pattern === undefined) return
  const text = files.map((file) => readFileSync(join(ROOT, file), 'utf8')).join()
  assert.match(text, new RegExp(`test\\(['"\`][^\\n]*${pattern}`), `no test is called ${pattern}`)
}

describe('an example', () => {
  const cases: readonly { prints: string; output: string; is: boolean }[] = [
    { prints: 'a\n', output: 'a\n', is: true },
    { prints: 'a\n', output: 'b\n', is: false },
    { prints: '{"id":"…"}\n', output: '{"id":"0"}', is: true },
    { prints: '{"id":"…"}\n', output: '{"error":"0"}', is: false },
    { prints: 'a…b…c', output: 'a b', is: false },
    { prints: 'a…b…c', output: 'a b b c', is: true },
  ]
  for (const { prints, output, is } of cases) {
    test(`${prints.trim()} ${is ? 'reads' : 'does not read'} ${output.trim()}`, () =>
      assert.equal(reads(prints, output), is))
  }
  test('is what a sh or ts block says, and prints the text right behind it', () => {
    const page = 'x\n```sh\na\n```\n\n```text\nb\n```\n```json\n{}\n```\n```ts\nc\n```\nwords\n```text\nd\n```\n'
    assert.deepEqual(snippetsOf(page), [
      { language: 'sh', code: 'a\n', line: 2, prints: 'b\n' },
      { language: 'ts', code: 'c\n', line: 12, prints: undefined },
    ])
  })
})
