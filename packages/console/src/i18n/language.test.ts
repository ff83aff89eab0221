import assert from 'node:assert/strict'
import { test } from 'node:test'
import { en } from './en.ts'
import { createLanguage } from './language.ts'
import { uz } from './uz.ts'

const page = () => ({ documentElement: { lang: '' } }) as Document

const formsOf = (text: string | object): readonly string[] =>
  typeof text === 'string' ? [text] : Object.values(text).map(String)
const fieldsOf = (text: string | object) => [...new Set(formsOf(text).flatMap((form) => form.match(/\{\w+\}/g) ?? []))]

test('Uzbek has the keys of English, and each text has the same fields', () => {
  assert.deepEqual(Object.keys(uz).sort(), Object.keys(en).sort())
  for (const [key, text] of Object.entries(uz)) {
    assert.deepEqual(fieldsOf(text).sort(), fieldsOf(en[key as keyof typeof en]).sort(), key)
  }
})

test('Uzbek is spelled with U+02BB after o and g, and U+02BC elsewhere', () => {
  for (const [key, text] of Object.entries(uz)) {
    for (const form of formsOf(text)) {
      assert.doesNotMatch(form, /['‘’`]/, key)
      assert.doesNotMatch(form, /[^oOgG]ʻ|[oOgG]ʼ|\p{Script=Cyrillic}/u, key)
    }
  }
})

test('texts, numbers and times are those of the chosen language', async () => {
  const document = page()
  const language = createLanguage(document)
  assert.equal(language.t('messages.arrived', { count: 1 }), '1 new message')
  assert.equal(language.t('messages.arrived', { count: 1200 }), '1,200 new messages')
  const at = new Date(2026, 10, 30, 9, 5, 7)
  assert.equal(language.longTime(at), 'Nov 30, 2026, 9:05:07 AM')
  await language.choose('uz')
  assert.equal(document.documentElement.lang, 'uz')
  assert.equal(language.t('messages.arrived', { count: 1 }), '1 ta yangi xabar')
  assert.equal(language.t('messages.arrived', { count: 1200 }), '1\u00a0200 ta yangi xabar')
  assert.equal(language.longTime(at), '30-noy, 2026, 09:05:07')
  assert.equal(language.shortTime(at, at), '09:05')
  assert.equal(language.shortTime(at, new Date(2026, 11, 1)), '30-noy')
  assert.equal(language.bytes(12_345), '12,3 KB')
  await language.choose('xx')
  assert.equal(language.t('messages.title'), 'Messages')
  assert.equal(language.bytes(12_345), '12.3 kB')
})
