// Times on an axis, by the clocks of the page's zone and in its language.

const MINUTE = 60_000;
const DAY_MINUTES = 24 * 60;
// In minutes of the day; longer ones are whole days.
const STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 180, 360, 720];
const DAY_STEPS = [1, 2, 7, 14, 30, 91];

export class Clock {
  constructor(zone, language) {
    const format = (options) => new Intl.DateTimeFormat(language, { timeZone: zone, ...options });
    this.parts = new Intl.DateTimeFormat("en-US", {
      timeZone: zone,
      hourCycle: "h23",
      year: "numeric",
      month: "numeric",
      day: "numeric",
      hour: "numeric",
      minute: "numeric",
    });
    this.time = format({ hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
    this.day = format({ month: "short", day: "numeric" });
    this.dayOfYear = format({ year: "numeric", month: "short", day: "numeric" });
    this.year = this.wall(Date.now()).year;
    this.moment = format({ month: "short", day: "numeric", hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
  }

  /** { year, day: days since 1970, minute: of the day }, on the wall clock. */
  wall(at) {
    const found = {};
    for (const { type, value } of this.parts.formatToParts(at)) found[type] = Number(value);
    const day = Math.round(Date.UTC(found.year, found.month - 1, found.day) / (DAY_MINUTES * MINUTE));
    return { year: found.year, day, minute: 60 * found.hour + found.minute };
  }

  /** "Nov 24", with its year if that is not this one. */
  date(at) {
    return (this.wall(at).year === this.year ? this.day : this.dayOfYear).format(at);
  }

  /** Those of the edges of stretches that are round times, at most so many. */
  ticks(edges, most) {
    const walls = edges.map((edge) => this.wall(edge));
    const rounded = [
      ...STEPS.map((step) => ({ minute }) => minute % step === 0),
      ...DAY_STEPS.map((step) => ({ day, minute }) => minute === 0 && day % step === 0),
    ];
    for (const isRound of rounded) {
      const found = edges.filter((_edge, index) => isRound(walls[index]));
      if (found.length <= most) return found;
    }
    return [edges[0]];
  }

  label(at) {
    return this.wall(at).minute === 0 ? this.date(at) : this.time.format(at);
  }

  /** "Nov 24, 14:00 – 15:00" */
  stretch(start, end) {
    const [first, last] = [this.wall(start), this.wall(end)];
    if (first.minute === 0 && last.minute === 0) {
      return last.day - first.day <= 1 ? this.date(start) : `${this.date(start)} – ${this.date(end)}`;
    }
    const until = first.day === last.day || last.minute === 0 ? this.time.format(end) : this.moment.format(end);
    return `${this.moment.format(start)} – ${until}`;
  }
}
