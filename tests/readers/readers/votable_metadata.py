"""The metadata of a VOTable, in the JSON of `ColumnMetadata` and `TableMetadata`."""

SPACE = "{http://www.ivoa.net/xml/VOTable/v1.3}"


def table_metadata(root):
    """What stands around the rows of the RESOURCE of type results."""
    resource = next(r for r in root.iter(SPACE + "RESOURCE") if r.get("type") == "results")
    table = resource.find(SPACE + "TABLE")
    found = attributes(table, "name", "ID", "ref", "ucd", "utype") | contents(table)
    found["resource"] = resource_metadata(resource)
    del found["resource"]["type"]
    found["document"] = attributes(root, "ID") | contents(root)
    beside = [resource_metadata(r) for r in root.findall(SPACE + "RESOURCE") if r is not resource]
    found["document"]["resources"] = beside
    return found


def resource_metadata(resource):
    found = attributes(resource, "name", "ID", "utype", "type") | contents(resource)
    within = resource.findall(SPACE + "RESOURCE")
    return found | {"resources": [resource_metadata(inner) for inner in within]}


def contents(element):
    """What may stand in a TABLE, a RESOURCE and a VOTABLE alike."""
    found = {"description": description(element)}
    readers = {
        "INFO": ("infos", info),
        "COOSYS": ("coosys", lambda e: attributes(e, *COOSYS)),
        "TIMESYS": ("timesys", lambda e: attributes(e, *TIMESYS)),
        "PARAM": ("params", param),
        "GROUP": ("groups", group),
        "LINK": ("links", link),
    }
    for name, (member, read) in readers.items():
        found[member] = [read(child) for child in element.findall(SPACE + name)]
    found["infos"] = [i for i in found["infos"] if i["name"] != "QUERY_STATUS"]
    return {member: value for member, value in found.items() if value}


COOSYS = ["ID", "system", "equinox", "epoch", "refposition"]
TIMESYS = ["ID", "timeorigin", "timescale", "refposition"]


def attributes(element, *names):
    return {name: element.get(name) for name in names if element.get(name) is not None}


def description(element):
    return (element.findtext(SPACE + "DESCRIPTION") or "").strip() or None


def info(element):
    names = ["name", "value", "ID", "ref", "unit", "ucd", "utype", "xtype"]
    text = (element.text or "").strip()
    return attributes(element, *names) | ({"text": text} if text else {})


def link(element):
    names = ["ID", "content-role", "content-type", "title", "value", "href", "action"]
    return attributes(element, *names)


def param(element):
    return {"field": field_metadata(element), "value": element.get("value")}


def field_metadata(element):
    """Of a FIELD or PARAM."""
    names = ["name", "datatype", "arraysize", "unit", "ucd", "xtype", "utype", "ID", "ref", "precision"]
    found = attributes(element, *names)
    if element.get("width"):
        found["width"] = int(element.get("width"))
    if description(element):
        found["description"] = description(element)
    links = [link(child) for child in element.findall(SPACE + "LINK")]
    if links:
        found["links"] = links
    values = element.find(SPACE + "VALUES")
    if values is not None:
        found |= domain(values)
    return found


def domain(values):
    """VALUES, and the value in it that stands for null."""
    found = attributes(values, "ID", "type", "ref")
    for name in ["min", "max"]:
        bound = values.find(SPACE + name.upper())
        if bound is not None:
            found[name] = {"value": bound.get("value")}
            if bound.get("inclusive"):
                found[name]["inclusive"] = bound.get("inclusive") == "yes"
    options = [option(child) for child in values.findall(SPACE + "OPTION")]
    if options:
        found["options"] = options
    null = {"null": values.get("null")} if values.get("null") is not None else {}
    return null | ({"values": found} if found else {})


def option(element):
    within = [option(child) for child in element.findall(SPACE + "OPTION")]
    return attributes(element, "name", "value") | ({"options": within} if within else {})


def group(element):
    found = attributes(element, "name", "ID", "ref", "ucd", "utype")
    if description(element):
        found["description"] = description(element)
    refs = lambda name: [attributes(r, "ref", "ucd", "utype") for r in element.findall(SPACE + name)]
    found |= {"field_refs": refs("FIELDref"), "param_refs": refs("PARAMref")}
    found["params"] = [param(child) for child in element.findall(SPACE + "PARAM")]
    found["groups"] = [group(child) for child in element.findall(SPACE + "GROUP")]
    return {member: value for member, value in found.items() if value}
