import type { DomainRecord, DomainWithRecords } from '../api/resources.ts'
import { useConsole } from '../app/console.ts'
import { CopyButton } from '../ui/copy-button.tsx'
import { Copyable } from '../ui/copyable.tsx'
import { type Column, DataTable } from '../ui/data-table.tsx'
import { DomainChip } from './domain-chip.tsx'
import { zoneFile } from './zone-file.ts'

/** Lists the records to publish at the domain's DNS host, and says which were found there. */
export function DomainRecords({ domain }: { readonly domain: DomainWithRecords }) {
  const { t } = useConsole()
  const { records, recommended_records: recommended } = domain
  if (records.length === 0) return <p class="section notice">{t('domains.given')}</p>
  return (
    <>
      <section class="section">
        <div class="section-head">
          <h2>{t('domains.records')}</h2>
          <CopyButton text={zoneFile([...records, ...recommended])}>{t('domains.zone-file')}</CopyButton>
        </div>
        <p class="hint">{t('domains.records-hint')}</p>
        <Records label={t('domains.records')} records={records} />
      </section>
      {recommended.length > 0 && (
        <section class="section">
          <h2>{t('domains.recommended')}</h2>
          <p class="hint">{t('domains.recommended-hint')}</p>
          <Records label={t('domains.recommended')} records={recommended} />
        </section>
      )}
    </>
  )
}

function Records({ label, records }: { readonly label: string; readonly records: readonly DomainRecord[] }) {
  const { t } = useConsole()
  const columns: readonly Column<DomainRecord>[] = [
    { head: t('domains.record'), cell: ({ record }) => t(`domains.record.${record}`) },
    { head: t('domains.type'), cell: ({ type }) => <code>{type}</code> },
    { head: t('domains.host'), cell: ({ name }) => <Copyable text={name} label={t('domains.copy-name', { name })} /> },
    {
      head: t('domains.value'),
      cell: ({ name, value }) => <Copyable text={value} label={t('domains.copy-value', { name })} />,
    },
  ]
  const priority: Column<DomainRecord> = {
    head: t('domains.priority'),
    cell: ({ priority }) => <span>{priority}</span>,
  }
  const status: Column<DomainRecord> = {
    head: t('domains.status'),
    cell: ({ status }) => status && <DomainChip status={status} />,
  }
  const all = [
    ...columns,
    ...(records.some((record) => record.priority !== undefined) ? [priority] : []),
    ...(records.some((record) => record.status !== undefined) ? [status] : []),
  ]
  return <DataTable label={label} columns={all} rows={records} keyOf={({ type, name, value }) => type + name + value} />
}
