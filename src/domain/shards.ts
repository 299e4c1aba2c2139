/** Divides services among shards so that a shard is never too large and few services move when their number grows. */

/**
 * Shard of every name, counted from 0: `ceil(names / shardSize)` shards of at most `shardSize` names each.
 * The same names give the same shards in whatever order they come; a name given twice counts once.
 *
 * Rendezvous hashing with capacity: every name rates every shard by a hash of both and asks for its best
 * one; a full shard keeps the names that rate it highest and sends the others to their next choice. Names
 * and shards look at the same rating, so exactly one outcome is stable, whoever asks first; and a new name
 * or shard disturbs only those that it displaces or that prefer it.
 */
export function assignShards(names: readonly string[], shardSize: number): Map<string, number> {
  const capacity = Math.max(1, Math.floor(shardSize) || 1);
  const sorted = [...new Set(names)].sort();
  const shardCount = Math.ceil(sorted.length / capacity);
  if (shardCount <= 1) return new Map(sorted.map((name) => [name, 0]));

  const hashes = sorted.map(hashOf);
  const members: Member[][] = Array.from({ length: shardCount }, () => []);
  for (let index = 0; index < sorted.length; index += 1) {
    placeName({ index, hashes, members, capacity });
  }

  const shardOfIndex = new Map<number, number>();
  members.forEach((heap, shard) => heap.forEach(({ index }) => shardOfIndex.set(index, shard)));
  return new Map(sorted.map((name, index) => [name, shardOfIndex.get(index) ?? 0]));
}

/** A name's place in a shard. `rating` decides who stays; equal ratings are decided by the order of the names. */
interface Member {
  index: number;
  rating: number;
}

interface Placement {
  index: number;
  hashes: readonly number[];
  /** One heap per shard, the member that has to go first on top. */
  members: Member[][];
  capacity: number;
}

/** Places one name, and whoever it displaces, until everybody has a shard. There is always room: names <= shards x capacity. */
function placeName({ index, hashes, members, capacity }: Placement): void {
  let homeless: Member | null = { index, rating: Number.POSITIVE_INFINITY };
  while (homeless !== null) {
    const next = nextChoice(homeless, hashes[homeless.index] ?? 0, members.length);
    const heap = members[next.shard];
    if (heap === undefined) return;
    homeless = null;
    push(heap, next.member);
    if (heap.length > capacity) homeless = pop(heap);
    // The displaced one goes on from the shard it lost, down its own list of choices.
  }
}

/** The shard that a name rates highest below the rating of the one that refused it. */
function nextChoice(refused: Member, hash: number, shardCount: number): { shard: number; member: Member } {
  let shard = 0;
  let best = -1;
  for (let candidate = 0; candidate < shardCount; candidate += 1) {
    const rating = ratingOf(hash, candidate);
    if (rating < refused.rating && rating > best) {
      best = rating;
      shard = candidate;
    }
  }
  return { shard, member: { index: refused.index, rating: best } };
}

/** FNV-1a over UTF-16 code units: short, well spread, and the same everywhere. */
function hashOf(name: string): number {
  let hash = 0x811c9dc5;
  for (let position = 0; position < name.length; position += 1) {
    hash = Math.imul(hash ^ name.charCodeAt(position), 0x01000193);
  }
  return hash >>> 0;
}

/** The final mix of MurmurHash3 over both; it maps one to one, so no name rates two shards alike. */
function ratingOf(hash: number, shard: number): number {
  let mixed = hash ^ Math.imul(shard + 1, 0x9e3779b1);
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}

/** True when `one` has to leave a full shard before `other`. */
const leavesBefore = (one: Member, other: Member): boolean =>
  one.rating === other.rating ? one.index > other.index : one.rating < other.rating;

function push(heap: Member[], member: Member): void {
  let hole = heap.length;
  heap.push(member);
  while (hole > 0) {
    const parentAt = (hole - 1) >> 1;
    const parent = heap[parentAt];
    if (parent === undefined || !leavesBefore(member, parent)) break;
    heap[hole] = parent;
    hole = parentAt;
  }
  heap[hole] = member;
}

function pop(heap: Member[]): Member | null {
  const top = heap[0];
  const last = heap.pop();
  if (top === undefined || last === undefined) return null;
  if (heap.length === 0) return top;
  let hole = 0;
  for (;;) {
    const [left, right] = [heap[hole * 2 + 1], heap[hole * 2 + 2]];
    if (left === undefined) break;
    const isRight = right !== undefined && leavesBefore(right, left);
    const child = isRight ? right : left;
    if (!leavesBefore(child, last)) break;
    heap[hole] = child;
    hole = hole * 2 + (isRight ? 2 : 1);
  }
  heap[hole] = last;
  return top;
}
