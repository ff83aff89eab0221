import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { describe, test } from 'node:test'

const LIST = 'packages/mail/RFC.md'
/** The one form, `RFC 5321 section 4.5.3.1`; further numbers of a list may stand without the word. */
const CITED = /\bRFCs?[ -]?(\d{3,5}(?:(?:,| and| or) (?:RFC )?\d{4}\b(?!\.))*)/g
const ROW = /^\|\s*(\d+)\s*\|[^|]+\|\s*(Yes|Partial|No)\s*\|[^|]*\|$/

/** `5321 at file:line`, for each cited number that is not listed. */
function unlisted(files: ReadonlyMap<string, string>, listed: ReadonlySet<string>): string[] {
  return [...files].flatMap(([path, text]) =>
    text.split('\n').flatMap((line, i) =>
      [...line.matchAll(CITED)]
        .flatMap(([, numbers = '']) => numbers.match(/\d+/g) ?? [])
        .filter((number) => !listed.has(number))
        .map((number) => `${number} at ${path}:${i + 1}`),
    ),
  )
}

/** The numbers in the table's rows. @throws if a row is not in the table's form */
function listedIn(text: string): string[] {
  const rows = text.split('\n').filter((line) => /^\|\s*\d/.test(line))
  return rows.map((row) => {
    const [, number] = ROW.exec(row) ?? []
    assert.ok(number, `not | number | title | Yes, Partial or No | what |: ${row}`)
    return number
  })
}

describe('RFC.md', () => {
  const listed = listedIn(readFileSync(LIST, 'utf8'))

  test('lists every RFC that is cited', () => {
    const paths = globSync(
      ['packages/**/*.{ts,js,md}', 'docs/**/*.md', 'README.md', 'functions/**/*.ts', 'test/**/*.ts'],
      {
        exclude: (path) => /(^|\/)node_modules$/.test(path) || path.endsWith('rfc.test.ts'),
      },
    )
    assert.ok(paths.length > 10, 'run from the root of the repository')
    const files = new Map(paths.map((path) => [path, readFileSync(path, 'utf8')]))
    assert.deepEqual(unlisted(files, new Set(listed)), [])
  })

  test('has each once, in order', () => {
    assert.deepEqual(
      listed,
      [...new Set(listed)].sort((a, b) => Number(a) - Number(b)),
    )
  })

  test('is refused with a row of another form', () => {
    assert.throws(() => listedIn('| 5321 | SMTP | Mostly | x |'), /Yes, Partial or No/)
  })

  const cases: readonly [string, string[]][] = [
    ['see RFC 5321 section 4.1', ['5321 at a:1']],
    ['\nRFC 2045, 2046 and 5322', ['2045 at a:2', '2046 at a:2', '5322 at a:2']],
    ['RFC5321, RFC-822', ['5321 at a:1', '822 at a:1']],
    ['RFC 9999 and 450 replies', []],
  ]
  for (const [text, expected] of cases) {
    test(`finds ${expected.length} in ${JSON.stringify(text)}`, () => {
      assert.deepEqual(unlisted(new Map([['a', text]]), new Set(['9999'])), expected)
    })
  }
})
