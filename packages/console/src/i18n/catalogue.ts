/** Defines a catalogue of texts; English says which texts there are. */
import type { en } from './en.ts'

export type Key = keyof typeof en
export type Plural = { readonly one?: string; readonly few?: string; readonly many?: string; readonly other: string }
/** Every language has a text for every key. A text that counts has a form for each plural category of its language. */
export type Translated<Texts> = { readonly [K in keyof Texts]: Texts[K] extends string ? string : Plural }
export type Catalogue = Translated<typeof en>
