import assert from 'node:assert/strict'
import { existsSync, globSync, readFileSync } from 'node:fs'
import { describe, test } from 'node:test'
import { sourceOffences } from './sources.ts'

const manifests = (name: string) => {
  const path = `node_modules/${name}/package.json`
  return existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as { exports?: unknown }) : undefined
}

describe('the sources', () => {
  test('keep to the rules in this repository', () => {
    const patterns = ['packages/**/*.ts', 'functions/**/*.ts', 'stacks/**/*.ts', 'test/**/*.ts', 'sst.config.ts']
    const paths = globSync(patterns, { exclude: (path) => /(^|\/)node_modules$/.test(path) })
    assert.ok(paths.length > 10, 'run from the root of the repository')
    const files = new Map(paths.map((path) => [path.replaceAll('\\', '/'), readFileSync(path, 'utf8')]))
    const found = sourceOffences(files, manifests)
    assert.equal(found.length, 0, `\n${found.join('\n')}`)
  })

  const cases = [
    { path: 'packages/core/src/a.ts', text: 'const x = Date.now()', expected: 'packages/core/src/a.ts:1: Date.now' },
    { path: 'packages/core/src/a.ts', text: '\nsetTimeout(f, 1)', expected: 'packages/core/src/a.ts:2: setTimeout' },
    { path: 'packages/http/src/a.ts', text: 'const x = Math.random()', expected: 'Math.random' },
    {
      path: 'packages/imap/src/a.ts',
      text: "import { setTimeout } from 'node:timers/promises'",
      expected: 'setTimeout',
    },
    { path: 'packages/local/src/a.ts', text: 'const x = Date.now()', expected: undefined },
    { path: 'packages/core/src/a.test.ts', text: 'const x = Date.now()', expected: undefined },
    { path: 'packages/core/src/a.ts', text: '// not Date.now()\n/* nor setTimeout */', expected: undefined },
    { path: 'packages/local/src/a.ts', text: 'socket._handle.close()', expected: '._h' },
    { path: 'packages/http/src/a.ts', text: 'z._default(x, y)', expected: undefined },
    { path: 'packages/core/src/a.ts', text: `const pk = \`\${a}#keys\``, expected: '(use store/keys.ts)' },
    { path: 'packages/core/src/a.ts', text: 'const key = { pk: `x`, sk }', expected: '(use store/keys.ts)' },
    { path: 'packages/core/src/store/keys.ts', text: `const pk = \`\${a}#keys\``, expected: undefined },
    { path: 'packages/core/src/a.ts', text: `const x = \`\${this.#count}\``, expected: undefined },
    {
      path: 'packages/core/src/a.ts',
      text: "import 'undici/lib/core/connect.js'",
      expected: 'undici/lib/core/connect.js',
    },
    { path: 'packages/core/src/a.ts', text: "import 'open/sub/deep.js'", expected: undefined },
    { path: 'packages/core/src/a.ts', text: "import 'open/other.js'", expected: 'open/other.js' },
    { path: 'packages/core/src/a.ts', text: "import 'undici'\nimport 'node:fs/promises'", expected: undefined },
  ]
  const installed: Record<string, object> = {
    undici: {},
    open: { exports: { '.': './a.js', './sub/*.js': './b/*.js' } },
  }
  for (const { path, text, expected } of cases) {
    test(`${expected ? 'refuses' : 'allows'} ${JSON.stringify(text)} in ${path}`, () => {
      const found = sourceOffences(new Map([[path, text]]), (name) => installed[name])
      if (expected === undefined) assert.deepEqual(found, [])
      else assert.ok(found.length === 1 && found[0]?.includes(expected), `found ${JSON.stringify(found)}`)
    })
  }
})
