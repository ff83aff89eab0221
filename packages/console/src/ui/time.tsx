import { useConsole } from '../app/console.ts'

type Props = {
  readonly at: string
  /** Date and time with seconds. @default the time of today, or the date */
  readonly long?: boolean
}

/** Shows a time in the zone of the reader; UTC is in its title. */
export function Time({ at, long = false }: Props) {
  const { language } = useConsole()
  const date = new Date(at)
  return (
    <time dateTime={at} title={at}>
      {long ? language.longTime(date) : language.shortTime(date, new Date())}
    </time>
  )
}
