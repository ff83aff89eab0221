/** docs/architecture.md agrees with the code: its tree of folders, its table of keys, and every file that it names. */
import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { basename, dirname } from 'node:path'
import { describe, test } from 'node:test'
import { ROWS } from '@kabutar/core/store/keys.ts'

const PAGE = readFileSync('docs/architecture.md', 'utf8')
const FILES = globSync(['{docs,functions,packages,stacks,test}/**/*', '*.ts'], {
  exclude: (path) => /(^|\/)(node_modules|\.sst)$/.test(path),
}).map((path) => path.replaceAll('\\', '/'))
/** Folders below these are listed one level deep. */
const OPENED = /^(packages|packages\/[^/]+\/src|test)$/

/** The cells of each row of a table whose first cell is in backticks. */
function tableRows(heading: string): string[][] {
  const section = PAGE.split(/^## /m).find((text) => text.startsWith(`${heading}\n`)) ?? ''
  return section
    .split('\n')
    .filter((line) => line.startsWith('| `'))
    .map((line) => line.split('|').map((cell) => cell.trim()))
    .map((cells) => cells.slice(1, -1))
}

/** The paths of a tree that is drawn by indentation. */
function foldersIn(tree: string): string[] {
  const trail: string[] = []
  return tree.split('\n').flatMap((line) => {
    const [, indent = '', name] = /^( *)([\w.-]+)\//.exec(line) ?? []
    if (name === undefined) return []
    trail.splice(indent.length / 2, Number.POSITIVE_INFINITY, name)
    return [trail.join('/')]
  })
}

describe('docs/architecture.md', () => {
  test('draws every folder, and no other', () => {
    const [, tree = ''] = /^## Folders\n+```\n([\s\S]*?)```/m.exec(PAGE) ?? []
    const drawn = foldersIn(tree)
    const used = new Set(FILES.filter((path) => /\.(tsx?|md)$/.test(path)).map(dirname))
    const all = new Set(
      [...used].flatMap((path) => path.split('/').map((_, i, parts) => parts.slice(0, i + 1).join('/'))),
    )
    const parents = new Set(drawn.map(dirname))
    const expected = [...all].filter((path) => {
      const parent = dirname(path)
      return parent === '.' || drawn.includes(path) || (parents.has(parent) && OPENED.test(parent))
    })
    assert.deepEqual(drawn.toSorted(), expected.filter((path) => path !== '.').toSorted())
    // A package whose code lies in folders shows them.
    const nested = [...all].filter((path) => /^packages\/[^/]+\/src\/[^/]+$/.test(path))
    assert.deepEqual(
      nested.filter((path) => !drawn.includes(path)),
      [],
    )
  })

  test('lists every row with its key, as store/keys.ts has it', () => {
    const listed = tableRows('Rows')
      .filter((cells) => cells.length === 5)
      .map(([kind, pk, sk, holds]) => [kind, pk, sk, holds])
    const code = (text: string) => `\`${text}\``
    const rows = Object.entries(ROWS).map(([kind, { pk, sk, holds }]) => [code(kind), code(pk), code(sk), holds])
    assert.deepEqual(listed, rows)
  })

  test('names the file of core that makes each row', () => {
    for (const [kind = '', , , , file = ''] of tableRows('Rows').filter((cells) => cells.length === 5)) {
      if (file === '–') continue
      const text = readFileSync(`packages/core/src/${file.replaceAll('`', '')}`, 'utf8')
      assert.ok(text.includes(`'${kind.replaceAll('`', '')}'`), `${file} does not name ${kind}`)
    }
  })

  test('lists every port', () => {
    const ports = FILES.filter((path) => /^packages\/core\/src\/ports\/[a-z]+\.ts$/.test(path)).map((path) =>
      basename(path),
    )
    const listed = tableRows('Ports').flatMap(([names = '']) => names.match(/[a-z]+\.ts/g) ?? [])
    assert.deepEqual(listed.toSorted(), ports.toSorted())
  })

  test('names files that exist', () => {
    const short = FILES.map((path) => `/${path.replace('/src/', '/')}`)
    const known = [...short, ...FILES.map((path) => `/${path}`)]
    const named = PAGE.match(/(?<![\w<>./-])[\w-][\w./-]*\.ts\b/g) ?? []
    assert.ok(named.length > 50)
    assert.deepEqual(
      [...new Set(named)].filter((path) => !known.some((file) => file.endsWith(`/${path}`))),
      [],
    )
  })
})
