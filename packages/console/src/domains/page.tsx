import { useState } from 'preact/hooks'
import type { Capability, Domain, DomainWithRecords } from '../api/resources.ts'
import { useConsole } from '../app/console.ts'
import { type Column, PagedTable } from '../ui/data-table.tsx'
import { FormDialog, textOf } from '../ui/form-dialog.tsx'
import { PageHead } from '../ui/page-head.tsx'
import { usePaged } from '../ui/paged.ts'
import { Empty } from '../ui/states.tsx'
import { Time } from '../ui/time.tsx'
import { DomainPage } from './domain.tsx'
import { DomainChip } from './domain-chip.tsx'
import './domains.css'

export default function DomainsPage() {
  const { router } = useConsole()
  const id = router.current.value.path[1]
  return <div class="page domains-page">{id === undefined ? <Domains /> : <DomainPage key={id} id={id} />}</div>
}

function Domains() {
  const { router, t } = useConsole()
  const [adding, setAdding] = useState(false)
  const domains = usePaged<Domain>('/domains')
  const columns: readonly Column<Domain>[] = [
    {
      head: t('domains.name'),
      kind: 'main',
      cell: ({ id, name }) => <a href={router.href(['domains', id])}>{name}</a>,
    },
    { head: t('domains.status'), cell: ({ status }) => <DomainChip status={status} /> },
    { head: t('domains.sending'), cell: ({ capabilities }) => <OnOffText on={capabilities.sending === 'enabled'} /> },
    {
      head: t('domains.receiving'),
      cell: ({ capabilities }) => <OnOffText on={capabilities.receiving === 'enabled'} />,
    },
    { head: t('list.created'), cell: ({ created_at }) => <Time at={created_at} /> },
  ]
  const add = (
    <button type="button" class="button primary" onClick={() => setAdding(true)}>
      {t('domains.add')}
    </button>
  )
  const empty = (
    <Empty title={t('domains.none')}>
      <p>{t('domains.none-lead')}</p>
    </Empty>
  )
  return (
    <>
      <PageHead title={t('domains.title')}>{add}</PageHead>
      <PagedTable label={t('domains.title')} of={domains} columns={columns} empty={empty} />
      {adding && <AddDomain onClose={() => setAdding(false)} />}
    </>
  )
}

function OnOffText({ on }: { readonly on: boolean }) {
  const { t } = useConsole()
  return <span class={on ? undefined : 'hint'}>{t(on ? 'list.on' : 'list.off')}</span>
}

const CAPABILITIES: readonly Capability[] = ['sending', 'receiving']

function AddDomain({ onClose }: { readonly onClose: () => void }) {
  const { api, router, t } = useConsole()
  const add = async (form: FormData) => {
    const capabilities = Object.fromEntries(CAPABILITIES.map((one) => [one, form.has(one) ? 'enabled' : 'disabled']))
    const returnPath = textOf(form, 'return-path')
    const { id } = await api.post<DomainWithRecords>('/domains', {
      name: textOf(form, 'name'),
      capabilities,
      ...(returnPath !== '' && { custom_return_path: returnPath }),
    })
    onClose()
    router.go(['domains', id])
  }
  return (
    <FormDialog title={t('domains.add')} submit={t('domains.add')} act={add} onClose={onClose}>
      <label class="field">
        <span>{t('domains.name')}</span>
        <input
          name="name"
          required
          maxLength={255}
          autocomplete="off"
          spellcheck={false}
          placeholder="mail.example.com"
        />
      </label>
      <fieldset class="choices">
        <legend>{t('domains.use')}</legend>
        {CAPABILITIES.map((one) => (
          <label key={one} class="choice">
            <input type="checkbox" name={one} defaultChecked={one === 'sending'} />
            {t(`domains.${one}`)}
          </label>
        ))}
      </fieldset>
      <details>
        <summary>{t('domains.more')}</summary>
        <label class="field return-path">
          <span>{t('domains.return-path')}</span>
          <input name="return-path" maxLength={63} autocomplete="off" spellcheck={false} placeholder="send" />
          <span class="hint">{t('domains.return-path-hint')}</span>
        </label>
      </details>
    </FormDialog>
  )
}
