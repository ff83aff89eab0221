/** Writes numbers, sizes and times in the way of a language, in the zone of the reader. */

export type Formats = {
  number(value: number): string
  /** A size in bytes, kilobytes or megabytes. */
  bytes(value: number): string
  timeOfDay(at: Date): string
  /** The plural category of a count. */
  plural(count: number): Intl.LDMLPluralRule
  /** Day and month. */
  day(at: Date): string
  /** Date and time with seconds. */
  moment(at: Date): string
}

const UNITS = ['byte', 'kilobyte', 'megabyte', 'gigabyte'] as const

/** Formats by the data that every browser has of a language. Each formatter is made once, since every row asks for it. */
export function intlFormats(code: string): Formats {
  const format = (options: Intl.DateTimeFormatOptions) => {
    const formatter = new Intl.DateTimeFormat(code, options)
    return (at: Date) => formatter.format(at)
  }
  const number = new Intl.NumberFormat(code)
  const sizes = UNITS.map(
    (unit) => new Intl.NumberFormat(code, { style: 'unit', unit, unitDisplay: 'short', maximumFractionDigits: 1 }),
  )
  return {
    number: (value) => number.format(value),
    bytes: (value) => {
      const [amount, step] = scaled(value)
      return sizes[step]?.format(amount) ?? number.format(value)
    },
    plural: pluralOf(code),
    timeOfDay: format({ timeStyle: 'short' }),
    day: format({ day: 'numeric', month: 'short' }),
    moment: format({ dateStyle: 'medium', timeStyle: 'medium' }),
  }
}

function pluralOf(code: string): Formats['plural'] {
  const rules = new Intl.PluralRules(code)
  return (count) => rules.select(count)
}

const MONTHS = ['yan', 'fev', 'mar', 'apr', 'may', 'iyn', 'iyl', 'avg', 'sen', 'okt', 'noy', 'dek'] as const
const SIZES = ['B', 'KB', 'MB', 'GB'] as const

/**
 * Uzbek, as the CLDR has it. Chromium is built without that data: `Intl` names `uz` as supported there, and then writes
 * "2026 M11 30".
 */
export function uzbekFormats(): Formats {
  // Numbers are written as in Russian: spaces between thousands, and a decimal comma.
  const number = new Intl.NumberFormat('ru', { maximumFractionDigits: 1 })
  const day = (at: Date) => `${at.getDate()}-${MONTHS[at.getMonth()]}`
  return {
    number: (value) => number.format(value),
    bytes: (value) => {
      const [amount, step] = scaled(value)
      return `${number.format(amount)} ${SIZES[step]}`
    },
    plural: pluralOf('uz'),
    timeOfDay: (at) => clock(at.getHours(), at.getMinutes()),
    day,
    moment: (at) => `${day(at)}, ${at.getFullYear()}, ${clock(at.getHours(), at.getMinutes(), at.getSeconds())}`,
  }
}

const clock = (...parts: readonly number[]) => parts.map((part) => String(part).padStart(2, '0')).join(':')

/** Returns the amount in the largest unit in which it is at least 1, and how many times 1000 went into it. */
function scaled(bytes: number): readonly [amount: number, step: number] {
  const step = Math.min(UNITS.length - 1, Math.floor(Math.log10(Math.max(bytes, 1)) / 3))
  return [bytes / 1000 ** step, step]
}
