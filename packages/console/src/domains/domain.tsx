import { useEffect, useState } from 'preact/hooks'
import type { Capability, DomainWithRecords } from '../api/resources.ts'
import { useConsole } from '../app/console.ts'
import { FormDialog } from '../ui/form-dialog.tsx'
import { Loaded, useLoaded } from '../ui/loaded.tsx'
import { PageHead } from '../ui/page-head.tsx'
import { Time } from '../ui/time.tsx'
import { DomainChip } from './domain-chip.tsx'
import { DomainRecords } from './records.tsx'

/** A pending domain is read again: the server then looks at its records. */
const RECHECK_MS = 15_000

export function DomainPage({ id }: { readonly id: string }) {
  const { api } = useConsole()
  const domain = useLoaded(id, (signal) => api.get<DomainWithRecords>(`/domains/${id}`, {}, signal))
  const waiting = domain.value?.status === 'pending'
  const { reload } = domain
  useEffect(() => {
    if (!waiting) return
    const timer = setInterval(reload, RECHECK_MS)
    return () => clearInterval(timer)
  }, [waiting, reload])
  return <Loaded of={domain}>{(value) => <Details domain={value} reload={reload} />}</Loaded>
}

type Props = { readonly domain: DomainWithRecords; readonly reload: () => void }

function Details({ domain, reload }: Props) {
  const { router, t } = useConsole()
  const [deleting, setDeleting] = useState(false)
  const back = { href: router.href(['domains']), label: t('domains.back') }
  return (
    <>
      <PageHead title={domain.name} back={back} mark={<DomainChip status={domain.status} />}>
        {domain.records.length > 0 && <Verify domain={domain} reload={reload} />}
        <button type="button" class="button danger" onClick={() => setDeleting(true)}>
          {t('list.delete')}
        </button>
      </PageHead>
      <p class="lead">{t(`domains.says.${domain.status}`)}</p>
      <Uses domain={domain} reload={reload} />
      <DomainRecords domain={domain} />
      <p class="hint added">
        {t('list.created')} <Time at={domain.created_at} long />
      </p>
      {deleting && <DeleteDomain domain={domain} onClose={() => setDeleting(false)} />}
    </>
  )
}

function Verify({ domain: { id }, reload }: Props) {
  const { api, notices, t } = useConsole()
  const [busy, setBusy] = useState(false)
  const verify = async () => {
    setBusy(true)
    try {
      await api.post(`/domains/${id}/verify`)
      const { status } = await api.get<DomainWithRecords>(`/domains/${id}`)
      notices.done(t('domains.looked', { status: t(`domains.status.${status}`) }))
      reload()
    } catch (error) {
      notices.failed(error)
    }
    setBusy(false)
  }
  return (
    <button type="button" class="button" aria-disabled={busy} onClick={() => !busy && void verify()}>
      {t(busy ? 'domains.verifying' : 'domains.verify')}
    </button>
  )
}

function Uses({ domain, reload }: Props) {
  const { t } = useConsole()
  return (
    <section class="section uses card">
      <h2 class="spoken">{t('domains.use')}</h2>
      <Use domain={domain} reload={reload} capability="sending" />
      <Use domain={domain} reload={reload} capability="receiving" />
    </section>
  )
}

function Use({ domain, reload, capability }: Props & { readonly capability: Capability }) {
  const { api, notices, t } = useConsole()
  const on = domain.capabilities[capability] === 'enabled'
  const change = async (wanted: boolean) => {
    try {
      await api.patch(`/domains/${domain.id}`, { capabilities: { [capability]: wanted ? 'enabled' : 'disabled' } })
      notices.say(t(wanted ? 'domains.turned-on' : 'domains.turned-off', { use: t(`domains.${capability}`) }))
    } catch (error) {
      notices.failed(error)
    }
    // Also after a refusal: the switch then shows again what holds.
    reload()
  }
  return (
    <label class="switch">
      <input
        type="checkbox"
        role="switch"
        checked={on}
        aria-checked={on}
        onChange={(event) => void change(event.currentTarget.checked)}
      />
      <span>
        <strong>{t(`domains.${capability}`)}</strong>
        <span class="hint">{t(`domains.${capability}-hint`)}</span>
      </span>
    </label>
  )
}

function DeleteDomain({ domain, onClose }: { readonly domain: DomainWithRecords; readonly onClose: () => void }) {
  const { api, notices, router, t } = useConsole()
  const remove = async () => {
    await api.delete(`/domains/${domain.id}`)
    onClose()
    notices.done(t('domains.deleted', { name: domain.name }))
    router.go(['domains'])
  }
  return (
    <FormDialog title={t('domains.delete')} submit={t('list.delete')} danger act={remove} onClose={onClose}>
      <p>{t('domains.delete-ask', { name: domain.name })}</p>
    </FormDialog>
  )
}
