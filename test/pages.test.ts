/** The pages for readers agree with the repository: their links lead somewhere, and no error or event type is left out. */
import assert from 'node:assert/strict'
import { existsSync, globSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, test } from 'node:test'
import { EVENT_TYPES } from '@kabutar/core/webhooks/event.ts'
import { ERROR_STATUS } from '@kabutar/http/errors.ts'

const read = (path: string) => readFileSync(path, 'utf8')
const sources = (folder: string) =>
  globSync(`packages/${folder}/src/*.ts`)
    .filter((path) => !path.endsWith('.test.ts'))
    .map(read)
    .join('\n')

/** The anchors of a page, as GitHub makes them of headings. */
function anchorsOf(page: string): string[] {
  return [...page.matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  )
}

function brokenLinks(path: string): string[] {
  const links = [...read(path).matchAll(/\]\(([^)\s]+)\)/g)].map(([, link = '']) => link)
  return links.flatMap((link) => {
    if (/^[a-z]+:/.test(link)) return []
    const [file = '', anchor] = link.split('#')
    const target = file === '' ? path : join(dirname(path), file)
    if (!existsSync(target)) return [`${path}: there is no ${link}`]
    if (anchor === undefined || anchorsOf(read(target)).includes(anchor)) return []
    return [`${path}: ${link} has no such heading`]
  })
}

const PAGES = globSync(['*.md', 'docs/*.md', 'packages/*/*.md'])

describe('the pages', () => {
  test('link to files and headings that exist', () => {
    assert.ok(PAGES.includes('README.md'), 'run from the root of the repository')
    assert.deepEqual(PAGES.flatMap(brokenLinks), [])
  })

  test('of docs/ are all in its index', () => {
    const index = read('docs/index.md')
    const missing = PAGES.filter((path) => path.startsWith('docs/') && path !== 'docs/index.md').filter(
      (path) => !index.includes(`](${path.slice('docs/'.length)})`),
    )
    assert.deepEqual(missing, [])
  })

  test('include a README of every package', () => {
    for (const manifest of globSync('packages/*/package.json')) {
      assert.ok(PAGES.includes(join(dirname(manifest), 'README.md')), `${dirname(manifest)} has no README.md`)
    }
  })
})

describe('docs/webhooks.md', () => {
  test('names every event type that is sent', () => {
    const page = read('docs/webhooks.md')
    const named = (type: string) =>
      page.includes(`\`${type}\``) || page.includes(`\`${type.slice(type.indexOf('.'))}\``)
    assert.deepEqual(
      EVENT_TYPES.filter((type) => !named(type)),
      [],
    )
  })
})

describe('docs/errors.md', () => {
  const page = read('docs/errors.md')

  test('lists every status and name of the API, and no other', () => {
    const listed = [...page.matchAll(/^\| (\d{3}) \| `(\w+)` \|/gm)].map(([, status, name]) => `${status} ${name}`)
    const mapped = read('packages/http/src/errors.ts').matchAll(/(?:\[|statusCode: )(\d{3}), (?:name: )?'(\w+)'/g)
    const thrown = sources('http').matchAll(/HttpError\((\d{3}), '(\w+)'/g)
    const written = [...mapped, ...thrown].map(([, status, name]) => `${status} ${name}`)
    const known = [...written, ...Object.entries(ERROR_STATUS).map(([name, status]) => `${status} ${name}`)]
    assert.deepEqual(listed.toSorted(), [...new Set(known)].toSorted())
  })

  test('lists every refusal of the SMTP listener', () => {
    const listed: readonly string[] = page.match(/\b[45]\d\d [45](\.\d+){2}\b/g) ?? []
    const written = sources('smtp').matchAll(/\b([45]\d\d)(?:,\s*(?:status: )?'| )([45](?:\.\d{1,3}){2})\b/g)
    const known = [...written].map(([, code, status]) => `${code} ${status}`)
    assert.ok(known.length > 10)
    assert.deepEqual(
      [...new Set(known)].filter((reply) => !listed.includes(reply)),
      [],
    )
  })
})
