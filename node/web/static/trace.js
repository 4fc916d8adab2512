/**
 * The check of a trace: what an item was packed in, and when, read from its own records (docs/proofs.md, Containers).
 *
 * For `verifyBundle` of verify.js, which has checked the records before.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

import { attempt, check, checkOwnHistory, fromUtf8, hex, isInteger, unhex, utf8 } from './verify.js';

const compare = (one, other) => (one < other ? -1 : Number(one > other));
const itemKey = (item) => hex(utf8(`item\0${item}`));
const itemOf = (key) => fromUtf8(unhex(key)).slice(5);

const HARMLESS = 'already_packed already_sold event_before_commissioning not_commissioned'.split(' ');
const OPENING = [...HARMLESS, 'cycle', 'too_deep'];
const ENDED = 'consumed decommissioned destroyed event_already_captured event_id_conflict event_in_future event_too_old';
const UNDONE = 'undo_by_another undo_elsewhere undo_too_late';
const CLOSING = [...`${ENDED} ${UNDONE}`.split(' '), 'not_custodian'];
const OTHERS = 'already_commissioned cycle declaration_differs not_event_capturer too_deep unknown_event'.split(' ');
const REFUSING = [...CLOSING, ...OTHERS];
const listIn = (map, name) => (Array.isArray(map.get(name)) ? map.get(name) : []);

// Whether an operation took effect on an item, and in a container; null where the receipt does not tell.
const effectOf = (output, item, container) => {
	if (output === null) return true;
	if (!(output instanceof Map)) return null;
	const violations = listIn(output, 'violations');
	const rulesOf = (name) =>
		violations.filter((pair) => Array.isArray(pair) && pair.length === 2 && pair[0] === name).map(([, rule]) => rule);
	const [own, others] = [rulesOf(item), rulesOf(container)];
	if (own.some((rule) => REFUSING.includes(rule)) || others.some((rule) => CLOSING.includes(rule))) return false;
	const isHarmless = own.every((rule) => HARMLESS.includes(rule)) && others.every((rule) => OPENING.includes(rule));
	return isHarmless && output.get('violations_count') === violations.length ? true : null;
};

// The containers that the records of an item tell of: [key, since, until].
const ownStays = (item, records) => {
	const stays = [];
	const timeOf = (record) => record.arguments.get('event_time_ms');
	const isEvent = (record) => record.method === 'provenance.capture' && !record.arguments.has('declaration');
	const events = records.filter((record) => isEvent(record) && isInteger(timeOf(record)));
	for (const event of events.sort((one, other) => compare(timeOf(one), timeOf(other)))) {
		const { arguments: told, output } = event;
		const [type, action, parent] = ['type', 'action', 'parent'].map((name) => told.get(name));
		const has = (name) => listIn(told, name).includes(item);
		const open = stays.filter((stay) => stay[2] === Infinity);
		const close = (closed) => closed.forEach((stay) => (stay[2] = timeOf(event)));
		if (type === 'AggregationEvent' && typeof parent === 'string' && parent !== item) {
			const own = open.filter((stay) => stay[0] === itemKey(parent));
			const isAll = ['children', 'child_quantities'].every((name) => !listIn(told, name).length);
			if (action === 'ADD' && has('children')) {
				const effect = effectOf(output, item, parent);
				if (effect) close(open.filter((stay) => stay !== own[0]));
				if (effect !== false && !own.length) stays.push([itemKey(parent), timeOf(event), Infinity]);
			} else if (action === 'DELETE' && (has('children') || isAll) && effectOf(output, item)) close(own);
		}
		const isUsed = type === 'TransformationEvent' && has('inputs') && !has('outputs');
		const isRemoved = type === 'ObjectEvent' && action === 'DELETE' && has('epcs');
		if ((isUsed || isRemoved) && effectOf(output, item)) close(open);
	}
	return stays;
};

// Stays in order, those of one name that overlap or touch as one.
const joined = (stays) => {
	const whole = [];
	stays.sort((one, other) => compare(one[0], other[0]) || compare(one[1], other[1]));
	for (const [name, since, until] of stays) {
		const last = whole.at(-1);
		if (last?.[0] !== name || since > last[2]) whole.push([name, since, until]);
		else if (until > last[2]) last[2] = until;
	}
	return whole;
};

// [item, container, since, until or null] of an item by its key and of all that it was in, in order.
const staysOf = (subject, recordsOf) => {
	const own = {};
	let [asked, found] = [[[subject, -Infinity, Infinity]], []];
	for (let level = 0; level < 16; level++) {
		const within = ([key, from, to]) =>
			(own[key] ??= ownStays(itemOf(key), recordsOf(key)))
				.map(([parent, since, until]) => [`${key} ${parent}`, since > from ? since : from, until < to ? until : to])
				.filter(([, since, until]) => since <= until);
		const stays = asked.flatMap(within);
		found = found.concat(stays);
		asked = joined(stays.map(([pair, ...times]) => [pair.split(' ')[1], ...times]));
	}
	asked.forEach(([key]) => recordsOf(key));
	const last = (until) => (until < Infinity ? until : null);
	return joined(found).map(([pair, since, until]) => [...pair.split(' ').map(itemOf), since, last(until)]);
};

/** Check that a bundle shows an item and all that it was in; return [item, container, since, until or null] of each. */
export const checkTrace = ({ kind, subject: { key }, heads }) => {
	attempt('trace_item', () => check(/^item\0[^]/.test(fromUtf8(unhex(key)))));
	const headOf = (other) => heads.find((head) => head.key === other);
	const head = check(headOf(key), 'subject');
	checkOwnHistory(kind, head, 0);
	const recordsOf = (other) => {
		const { history } = headOf(other) ?? {};
		check(history && !history.after_count && !itemOf(other).includes('\0'), 'parent_missing');
		return history.records;
	};
	const stays = head.value?.count ? staysOf(key, recordsOf) : [];
	const keys = [key, ...stays.map(([, container]) => itemKey(container))];
	check(heads.every((other) => keys.includes(other.key)), 'unused_head');
	return stays;
};
