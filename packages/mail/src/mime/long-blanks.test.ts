import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseStructured } from './params.ts'

const BLANKS = ' '.repeat(200_000)

for (const field of [`text/plain${BLANKS}!`, `text/plain; a${BLANKS}x=1`, `attachment; filename=a${BLANKS}!`]) {
  test(`a field with 200,000 blanks is read at once: ${field.slice(0, 24).trim()}`, () => {
    const start = performance.now()
    parseStructured(field)
    assert.ok(performance.now() - start < 1000)
  })
}
