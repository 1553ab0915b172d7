"""How a fault is mended, in code that fits the framework and the mapper. Code isn't translated."""

from __future__ import annotations

from typing import Final

from analysis.finding import Finding

# By detector, or detector and fault; then by mapper or framework, "" where none of them fits.
_EXAMPLES: Final[dict[str, dict[str, str]]] = {
    "repeated_queries": {
        "django": """orders = Order.objects.select_related("customer").prefetch_related("lines__product")
for order in orders:
    order.customer.name, [line.product.name for line in order.lines.all()]""",
        "sqlalchemy": """from sqlalchemy.orm import joinedload, selectinload

orders = session.scalars(
    select(Order).options(joinedload(Order.customer), selectinload(Order.lines))
).unique()""",
        "": """marks = ",".join("?" * len(ids))
rows = connection.execute(f"SELECT * FROM product WHERE id IN ({marks})", ids)
products = {row["id"]: row for row in rows}""",
    },
    "database": {
        "django": """print(Order.objects.filter(day=day).explain(analyze=True))

class Meta:
    indexes = [models.Index(fields=["day", "status"])]""",
        "sqlalchemy": """session.execute(text("EXPLAIN ANALYZE " + sql), parameters)

Index("order_day", Order.day, Order.status)""",
        "": """EXPLAIN QUERY PLAN SELECT ...;
CREATE INDEX order_day ON "order" (day, status);""",
    },
    "rows_in_python": {
        "django": """from django.db.models import F, Sum

best = (
    Line.objects.values("product")
    .annotate(turnover=Sum(F("quantity") * F("price")))
    .order_by("-turnover")[:20]
)""",
        "sqlalchemy": """turnover = func.sum(Line.quantity * Line.price).label("turnover")
best = session.execute(
    select(Line.product_id, turnover).group_by(Line.product_id).order_by(turnover.desc()).limit(20)
)""",
        "": """SELECT product, SUM(quantity * price) AS turnover
FROM line GROUP BY product ORDER BY turnover DESC LIMIT 20""",
    },
    "pool_wait": {
        "sqlalchemy": """engine = create_engine(url, pool_size=20, max_overflow=10, pool_pre_ping=True)""",
        "django": """DATABASES["default"]["CONN_MAX_AGE"] = 60
DATABASES["default"]["CONN_HEALTH_CHECKS"] = True""",
        "": """adapter = requests.adapters.HTTPAdapter(pool_maxsize=20)
session.mount("https://", adapter)""",
    },
    "blocking_call": {
        "fastapi": """@app.get("/report")
def report():          # a plain function runs in a thread
    return build_report()

@app.get("/live")
async def live():
    return await asyncio.to_thread(build_report)""",
        "django": """from asgiref.sync import sync_to_async

async def report(request):
    return JsonResponse(await sync_to_async(build_report)())""",
        "": """result = await asyncio.to_thread(blocking_call, argument)
await asyncio.sleep(1)                # instead of time.sleep(1)""",
    },
    "sleep": {
        "": """@shared_task(bind=True, max_retries=5)
def check(self, order_id):
    if not is_ready(order_id):
        raise self.retry(countdown=2)"""
    },
    "lock_wait": {
        "": """prepared = expensive(work)      # outside of the lock
with lock:
    cache[key] = prepared      # only the change inside"""
    },
    "outbound_http": {
        "": """session = requests.Session()          # once for the process
answer = session.get(url, timeout=3)"""
    },
    "outbound_http:serial": {
        "fastapi": """async with httpx.AsyncClient() as client:
    answers = await asyncio.gather(*(client.get(url) for url in urls))""",
        "": """with ThreadPoolExecutor(max_workers=len(urls)) as pool:
    answers = list(pool.map(session.get, urls))""",
    },
    "serialisation": {
        "django": """class ProductSerializer(serializers.ModelSerializer):
    class Meta:
        model = Product
        fields = ["id", "name"]      # what the client needs

Product.objects.only("id", "name")""",
        "fastapi": """@app.get("/products", response_class=ORJSONResponse)
def products():
    return ORJSONResponse(rows)      # not validated and encoded again""",
        "": """body = orjson.dumps(rows)""",
    },
    "serialisation:round_trip": {
        "": """return json.dumps(rows)
# and not: checked = json.loads(json.dumps(rows)); return json.dumps(checked)"""
    },
    "serialisation:slow_encoder": {"": """json.dumps(rows)      # indent= runs the encoder in Python"""},
    "regex_compilation": {
        "": """NAMES = re.compile("|".join(map(re.escape, names)))      # once, at import

def link(text):
    return NAMES.sub(replace, text)"""
    },
    "imports": {
        "": """import heavy_module      # at the top of the file

def view():
    return heavy_module.answer()"""
    },
    "template_compilation": {
        "django": """from django.template.loader import render_to_string

html = render_to_string("invoice_line.html", {"line": line})""",
        "": """LINE = environment.get_template("invoice_line.html")      # compiled once

html = "".join(LINE.render(line=line) for line in lines)""",
    },
    "deepcopy": {
        "": """changed = {**settings, "theme": "dark"}      # copies one level
changed = dataclasses.replace(order, status="paid")"""
    },
    "password_hashing": {
        "django": """def view(request):
    if request.user.is_authenticated:      # the session, not the password again
        ...""",
        "": """session["user_id"] = user.id      # after one check at the login""",
    },
    "compression": {
        "django": """# nginx.conf
gzip on;
gzip_comp_level 4;
gzip_types application/json;""",
        "": """zlib.compress(body, level=1)      # or leave it to the proxy in front""",
    },
    "logging": {
        "": """logger.debug("row %s", row)      # the level decides, not an f-string
handler = QueueHandler(queue)    # another thread writes"""
    },
    "file_io": {
        "": """@functools.lru_cache
def prices():
    return json.loads(Path("prices.json").read_text())"""
    },
    "subprocess": {
        "": """@shared_task
def convert(document_id):
    subprocess.run(["convert", ...], check=True, timeout=60)

convert.delay(document.id)"""
    },
    "pandas_rows": {"": """frame["total"] = frame["price"] * frame["quantity"]"""},
    "wall_above_cpu": {"": ""},
}


def example(finding: Finding) -> str:
    """The code that fits best, or an empty string."""
    fault = finding.parameters.get("fault", "")
    by_place = _EXAMPLES.get(f"{finding.detector}:{fault}") or _EXAMPLES.get(finding.detector, {})
    for place in (finding.orm, finding.framework, ""):
        if place in by_place:
            return by_place[place]
    return ""
