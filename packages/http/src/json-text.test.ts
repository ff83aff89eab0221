import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { systemClock } from '@kabutar/local/system-clock.ts'
import { boundedJson } from './json-text.ts'

const read = async (text: string) => (await boundedJson(Buffer.from(text), systemClock, true)).toString()

describe('boundedJson', () => {
  const cases: readonly { name: string; text: string; becomes: string }[] = [
    { name: 'content', text: '{"content":[104,105]}', becomes: '{"content":"aGk="}' },
    { name: 'blanks', text: '{"content" :\r\n[ 104,\t105 ] }', becomes: '{"content" :\r\n"aGk=" }' },
    { name: 'an empty file', text: '{"content":[]}', becomes: '{"content":""}' },
    {
      name: 'a Buffer',
      text: '{"content":{"type":"Buffer","data":[0,255]}}',
      becomes: '{"content":{"type":"Buffer","data":"AP8="}}',
    },
    {
      name: 'two files',
      text: '[{"content":[1]},{"content":"x"},{"content":[2]}]',
      becomes: '[{"content":"AQ=="},{"content":"x"},{"content":"Ag=="}]',
    },
    { name: 'a text that looks so', text: '{"text":"\\"content\\":[1]"}', becomes: '{"text":"\\"content\\":[1]"}' },
    { name: 'a value of that name', text: '["content",[1]]', becomes: '["content",[1]]' },
    { name: 'other arrays', text: '{"content":["a"],"to":[1]}', becomes: '{"content":["a"],"to":[1]}' },
  ]
  for (const { name, text, becomes } of cases) {
    test(name, async () => assert.equal(await read(text), becomes))
  }

  for (const wrong of [
    '[256]',
    '[1,-1]',
    '[1.5]',
    '[1,,2]',
    '[1,]',
    '[1,"a"]',
    '[1e1]',
    '[1,[2]]',
    '[1',
    '[9999999999]',
  ]) {
    test(`refuses ${wrong}`, () => assert.rejects(read(`{"content":${wrong}}`), { code: 'invalid_attachment' }))
  }

  const many = (one: string, count: number) => `[${Array(count).fill(one).join(',')}]`
  const bombs: readonly { name: string; text: string }[] = [
    { name: 'objects', text: many('{}', 60_000) },
    { name: 'numbers outside of a file', text: `{"headers":${many('1', 100_001)}}` },
    { name: 'keys', text: `{${Array.from({ length: 100_001 }, (_, n) => `"k${n}":1`).join(',')}}` },
    { name: 'empty files', text: many('{"content":[]}', 40_000) },
    { name: 'levels', text: `${'['.repeat(33)}${']'.repeat(33)}` },
    { name: 'levels behind a text', text: `{"text":"[","x":${'[{"a":'.repeat(16)}` },
  ]
  for (const { name, text } of bombs) {
    test(`refuses too many ${name}`, () => assert.rejects(read(text), { code: 'invalid_message' }))
  }

  test('takes 32 levels, 100,000 values, and texts full of brackets', async () => {
    for (const text of [
      `${'['.repeat(32)}${']'.repeat(32)}`,
      many('1', 100_000),
      JSON.stringify({ text: `${'[{,"\\'.repeat(200_000)}` }),
    ]) {
      assert.equal(await read(text), text)
    }
  })

  test('counts no numbers of a file, and finds the bomb behind it', async () => {
    const file = `"content":[${'255,'.repeat(3_000_000)}0]`
    assert.equal((await read(`{${file}}`)).length, 4_000_018)
    await assert.rejects(read(`[{${file}},${many('{}', 60_000)}]`), { code: 'invalid_message' })
  })

  test('leaves byte arrays alone where no files are taken', async () => {
    const text = Buffer.from('{"data":[1,2]}')
    assert.deepEqual(await boundedJson(text, systemClock, false), text)
  })

  test('lets other work run while it reads a large file', async () => {
    const bytes = Buffer.alloc(4_000_000, 200)
    let turns = 0
    const ticking = setInterval(() => {
      turns += 1
    }, 0)
    const text = await read(`{"content":${JSON.stringify([...bytes])}}`)
    clearInterval(ticking)
    assert.equal(text, `{"content":"${bytes.toString('base64')}"}`)
    assert.ok(turns >= 5, `${turns} turns`)
  })
})
