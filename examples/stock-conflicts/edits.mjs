// What somebody does on a device, in words and as the edit of a stock client.

import { Counter, ImmutableString, splice } from "@automerge/automerge-repo"

const quoted = value => JSON.stringify(value)

export const nothing = { words: "-", edit: () => {} }

export const write = (key, value) => ({ words: `${key} = ${quoted(value)}`, edit: doc => void (doc[key] = value) })
export const fixed = (key, text) => ({ words: `${key} = fixed ${quoted(text)}`, edit: doc => void (doc[key] = new ImmutableString(text)) })
export const remove = key => ({ words: `remove ${key}`, edit: doc => void delete doc[key] })
export const add = (key, number) => ({ words: `${key} + ${number}`, edit: doc => doc[key].increment(number) })
export const type = (key, at, text) => ({ words: `type ${quoted(text)} in ${key}`, edit: doc => splice(doc, [key], at, 0, text) })

export const insert = (key, at, value) => ({ words: `put ${quoted(value)} into ${key}`, edit: doc => void doc[key].splice(at, 0, value) })
export const writeElement = (key, at, value) => ({ words: `${key}[${at}] = ${quoted(value)}`, edit: doc => void (doc[key][at] = value) })
export const removeElement = (key, at) => ({ words: `remove ${key}[${at}]`, edit: doc => void doc[key].splice(at, 1) })

export const moreTents = number => ({ words: `${number} tents more`, edit: doc => doc.lines.tent.qty.increment(number) })
export const tents = number => ({
  words: `tents = ${number}`,
  edit: doc => void (doc.lines.tent.qty = new Counter(number)),
})
export const plainTents = number => ({ words: `tents = plain ${number}`, edit: doc => void (doc.lines.tent.qty = number) })
export const noTent = { words: "remove the tent", edit: doc => void delete doc.lines.tent }
export const noNote = { words: "remove its note", edit: doc => void delete doc.lines.tent.note }
export const newStove = note => ({
  words: `add a stove: ${note}`,
  edit: doc => void (doc.lines.stove = { qty: new Counter(1), note }),
})

export const address = (part, text) => ({ words: `address.${part} = ${quoted(text)}`, edit: doc => void (doc.address[part] = text) })
export const place = text => ({ words: `the lake's place = ${quoted(text)}`, edit: doc => void (doc.events.lake.place = text) })
export const anotherLake = { words: "another event as lake", edit: doc => void (doc.events.lake = { title: "Fair" }) }
export const newHut = title => ({ words: `add event hut: ${title}`, edit: doc => void (doc.events.hut = { title }) })
