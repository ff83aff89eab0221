/** Translates the page: one typed catalogue for each language, and Intl for plurals, numbers and times. */
import { type ReadonlySignal, signal } from '@preact/signals'
import { en } from './en.ts'

export type Key = keyof typeof en
type Plural = { readonly one?: string; readonly few?: string; readonly many?: string; readonly other: string }
/** Every language has a text for every key. A text that counts has a form for each plural category of its language. */
export type Catalogue = { readonly [K in Key]: (typeof en)[K] extends string ? string : Plural }

type Named<S> = S extends `${string}{${infer Name}}${infer Rest}` ? Name | Named<Rest> : never
type Fields<K extends Key> = (typeof en)[K] extends string
  ? { readonly [N in Named<(typeof en)[K]>]: string | number }
  : { readonly count: number } & { readonly [name: string]: string | number }
/** The fields that a text names in braces; a text that counts needs `count`. */
type Arguments<K extends Key> = K extends Key ? (keyof Fields<K> extends never ? [] : [fields: Fields<K>]) : never
export type Translate = <K extends Key>(key: K, ...fields: Arguments<K>) => string

/** The languages to choose from, by the name that their readers use, with the catalogue of each. */
const LANGUAGES = {
  en: { name: 'English', load: async (): Promise<Catalogue> => en },
} as const
export type LanguageCode = keyof typeof LANGUAGES

export type Language = {
  readonly code: ReadonlySignal<LanguageCode>
  readonly names: readonly (readonly [LanguageCode, string])[]
  readonly t: Translate
  choose(code: string): Promise<void>
  number(value: number): string
  /** A size in bytes, kilobytes or megabytes. */
  bytes(value: number): string
  /** Today the time of day, otherwise the date; always in the zone of the reader. */
  shortTime(at: Date, now: Date): string
  longTime(at: Date): string
}

const isLanguage = (code: string): code is LanguageCode => code in LANGUAGES

/** The first language of the browser that there is a catalogue for. */
export function preferred(codes: readonly string[]): LanguageCode {
  return codes.map((code) => code.split('-')[0] ?? '').find(isLanguage) ?? 'en'
}

/** Starts in English until `choose` has loaded another language. */
export function createLanguage(document: Document): Language {
  const code = signal<LanguageCode>('en')
  const catalogue = signal<Catalogue>(en)
  const time = (options: Intl.DateTimeFormatOptions) => new Intl.DateTimeFormat(code.value, options)
  return {
    code,
    names: Object.entries(LANGUAGES).map(([key, { name }]) => [key as LanguageCode, name]),
    t: (key, ...[fields]) => translate(catalogue.value[key], code.value, fields ?? {}),
    choose: async (wanted) => {
      const chosen = isLanguage(wanted) ? wanted : 'en'
      catalogue.value = await LANGUAGES[chosen].load()
      code.value = chosen
      document.documentElement.lang = chosen
    },
    number: (value) => new Intl.NumberFormat(code.value).format(value),
    bytes: (value) => bytesIn(code.value, value),
    shortTime: (at, now) =>
      time(
        at.toDateString() === now.toDateString() ? { timeStyle: 'short' } : { day: 'numeric', month: 'short' },
      ).format(at),
    longTime: (at) => time({ dateStyle: 'medium', timeStyle: 'medium' }).format(at),
  }
}

export function translate(
  text: string | Plural,
  code: string,
  fields: { readonly [name: string]: string | number },
): string {
  const form = typeof text === 'string' ? text : formFor(text, code, Number(fields.count))
  return form.replace(/\{(\w+)\}/g, (whole, name: string) => {
    const value = fields[name]
    if (value === undefined) return whole
    return typeof value === 'number' ? new Intl.NumberFormat(code).format(value) : value
  })
}

function formFor(text: Plural, code: string, count: number): string {
  const category = new Intl.PluralRules(code).select(count)
  return (category in text ? text[category as keyof Plural] : undefined) ?? text.other
}

const UNITS = ['byte', 'kilobyte', 'megabyte', 'gigabyte'] as const

function bytesIn(code: string, value: number): string {
  const step = Math.min(UNITS.length - 1, Math.floor(Math.log10(Math.max(value, 1)) / 3))
  const format = { style: 'unit', unit: UNITS[step] ?? 'byte', unitDisplay: 'short', maximumFractionDigits: 1 } as const
  return new Intl.NumberFormat(code, format).format(value / 1000 ** step)
}
