import type { Translated } from '../catalogue.ts'
import type { suppressions as en } from '../en/suppressions.ts'

export const suppressions: Translated<typeof en> = {
  'suppressions.title': 'Toʻsilgan manzillar',
  'suppressions.lead':
    'Bu manzillarga xat yuborilmaydi. Xat butunlay qaytsa yoki ustidan shikoyat qilinsa, manzil roʻyxatga qoʻshiladi; sinov manzillari qoʻshilmaydi.',
  'suppressions.none': 'Toʻsilgan manzil yoʻq',
  'suppressions.none-lead':
    'Hech narsa qilish shart emas. Xat yuborilmasligi kerak boʻlgan manzillarni qoʻshish mumkin.',
  'suppressions.add': 'Manzil qoʻshish',
  'suppressions.addresses': 'Manzillar',
  'suppressions.addresses-hint': '100 tagacha, har biri yangi qatorda yoki vergul bilan.',
  'suppressions.added': { other: '{count} ta manzil toʻsildi' },
  'suppressions.search': 'Manzilni qidirish',
  'suppressions.look-up': 'Qidirish',
  'suppressions.show-all': 'Hammasini koʻrsatish',
  'suppressions.not-found': '{address} toʻsilmagan',
  'suppressions.address': 'Manzil',
  'suppressions.reason': 'Sababi',
  'suppressions.any-reason': 'Har qanday sabab',
  'suppressions.origin.bounce': 'Xat qaytgan',
  'suppressions.origin.complaint': 'Shikoyat',
  'suppressions.origin.manual': 'Qoʻlda qoʻshilgan',
  'suppressions.source': 'Xabar',
  'suppressions.open-message': 'Xabarni ochish',
  'suppressions.remove': 'Roʻyxatdan olish',
  'suppressions.remove-ask.bounce':
    '{address} manziliga yuborilgan xat butunlay qaytgan. Roʻyxatdan olsangiz, unga yana xat yuboriladi.',
  'suppressions.remove-ask.complaint':
    '{address} egasi xatni spam deb bildirgan. Roʻyxatdan olsangiz, unga yana xat yuboriladi.',
  'suppressions.remove-ask.manual': '{address} roʻyxatdan olinsa, unga yana xat yuboriladi.',
  'suppressions.removed': '{address} roʻyxatdan olindi; unga yana xat yuboriladi',
}
