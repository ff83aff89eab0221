/** Translates the page: one typed catalogue for each language, and Intl for plurals, numbers and times. */
import { batch, type ReadonlySignal, signal } from '@preact/signals'
import type { Catalogue, Key, Plural } from './catalogue.ts'
import { en } from './en.ts'
import { type Formats, intlFormats, uzbekFormats } from './formats.ts'

type Named<S> = S extends `${string}{${infer Name}}${infer Rest}` ? Name | Named<Rest> : never
type Fields<K extends Key> = (typeof en)[K] extends string
  ? { readonly [N in Named<(typeof en)[K]>]: string | number }
  : { readonly count: number } & { readonly [name: string]: string | number }
/** The fields that a text names in braces; a text that counts needs `count`. */
type Arguments<K extends Key> = K extends Key ? (keyof Fields<K> extends never ? [] : [fields: Fields<K>]) : never
export type Translate = <K extends Key>(key: K, ...fields: Arguments<K>) => string

/** The languages to choose from, by the name that their readers use, with the catalogue of each. */
const LANGUAGES = {
  en: { name: 'English', load: async (): Promise<Catalogue> => en, formats: () => intlFormats('en') },
  uz: {
    name: 'Oʻzbekcha',
    load: async (): Promise<Catalogue> => (await import('./uz.ts')).uz,
    formats: uzbekFormats,
  },
} as const
export type LanguageCode = keyof typeof LANGUAGES

export type Language = {
  readonly code: ReadonlySignal<LanguageCode>
  readonly names: readonly (readonly [LanguageCode, string])[]
  readonly t: Translate
  choose(code: string): Promise<void>
  number(value: number): string
  bytes(value: number): string
  /** Today the time of day, otherwise the date; always in the zone of the reader. */
  shortTime(at: Date, now: Date): string
  longTime(at: Date): string
}

const isLanguage = (code: string): code is LanguageCode => code in LANGUAGES

/** Finds the first language of the browser that there is a catalogue for. */
export function preferred(codes: readonly string[]): LanguageCode {
  return codes.map((code) => code.split('-')[0] ?? '').find(isLanguage) ?? 'en'
}

/** Starts in English until `choose` has loaded another language. */
export function createLanguage(document: Document): Language {
  const code = signal<LanguageCode>('en')
  const catalogue = signal<Catalogue>(en)
  const formats = signal(intlFormats('en'))
  return {
    code,
    names: Object.entries(LANGUAGES).map(([key, { name }]) => [key as LanguageCode, name]),
    t: (key, ...[fields]) => translate(catalogue.value[key], formats.value, fields ?? {}),
    choose: async (wanted) => {
      const chosen = isLanguage(wanted) ? wanted : 'en'
      const texts = await LANGUAGES[chosen].load()
      batch(() => {
        catalogue.value = texts
        formats.value = LANGUAGES[chosen].formats()
        code.value = chosen
      })
      document.documentElement.lang = chosen
    },
    number: (value) => formats.value.number(value),
    bytes: (value) => formats.value.bytes(value),
    shortTime: (at, now) =>
      at.toDateString() === now.toDateString() ? formats.value.timeOfDay(at) : formats.value.day(at),
    longTime: (at) => formats.value.moment(at),
  }
}

function translate(
  text: string | Plural,
  formats: Formats,
  fields: { readonly [name: string]: string | number },
): string {
  const form = typeof text === 'string' ? text : formFor(text, formats.plural(Number(fields.count)))
  return form.replace(/\{(\w+)\}/g, (whole, name: string) => {
    const value = fields[name]
    if (value === undefined) return whole
    return typeof value === 'number' ? formats.number(value) : value
  })
}

const formFor = (text: Plural, category: Intl.LDMLPluralRule): string =>
  (category in text ? text[category as keyof Plural] : undefined) ?? text.other
