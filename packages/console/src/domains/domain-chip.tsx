import type { Domain, DomainRecord } from '../api/resources.ts'
import { useConsole } from '../app/console.ts'

type Status = Domain['status'] | NonNullable<DomainRecord['status']>

const LOOKS: { readonly [S in Status]: 'ok' | 'warn' | 'bad' | 'info' } = {
  not_started: 'info',
  pending: 'info',
  verified: 'ok',
  failed: 'bad',
  partially_failed: 'bad',
  temporary_failure: 'warn',
}

/** Shows the state of a domain or of one of its records. */
export function DomainChip({ status }: { readonly status: Status }) {
  const { t } = useConsole()
  return <span class={`chip ${LOOKS[status]}`}>{t(`domains.status.${status}`)}</span>
}
