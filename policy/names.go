package policy

import (
	"encoding/json"
	"fmt"
	"slices"

	cedar "github.com/cedar-policy/cedar-go"
	"github.com/cedar-policy/cedar-go/types"
	"github.com/cedar-policy/cedar-go/x/exp/schema/resolved"
)

// checkNames refuses two slips that the strict validator of cedar-go lets
// through, and that would make a forbid silently never hold: a value that its
// enum does not have, such as Role::"coordinatr", and a comparison between two
// sorts of thing, such as principal.role == OrgKind::"trust".
func checkNames(p *cedar.Policy, rs *resolved.Schema) error {
	text, err := p.MarshalJSON()
	if err != nil {
		return fmt.Errorf("writing the rule as JSON: %w", err)
	}
	var tree any
	if err := json.Unmarshal(text, &tree); err != nil {
		return fmt.Errorf("reading the rule as JSON: %w", err)
	}
	return names{rs, attributeTypes(rs)}.walk(tree)
}

// names walks the JSON form of a rule. Cedar, JSON policy format.
type names struct {
	schema *resolved.Schema
	attrs  map[string]types.EntityType
}

// attributeTypes finds the type of every attribute that is an entity.
func attributeTypes(rs *resolved.Schema) map[string]types.EntityType {
	out := map[string]types.EntityType{}
	note := func(shape resolved.RecordType) {
		for name, a := range shape {
			if e, ok := a.Type.(resolved.EntityType); ok {
				typ := types.EntityType(e)
				if old, met := out[string(name)]; met && old != typ {
					typ = "" // means two things, so that it cannot be told
				}
				out[string(name)] = typ
			}
		}
	}
	for _, e := range rs.Entities {
		note(e.Shape)
	}
	for _, a := range rs.Actions {
		if a.AppliesTo != nil {
			note(a.AppliesTo.Context)
		}
	}
	return out
}

func (n names) walk(node any) error {
	switch v := node.(type) {
	case []any:
		for _, x := range v {
			if err := n.walk(x); err != nil {
				return err
			}
		}
	case map[string]any:
		if uid, ok := literal(v); ok {
			return n.exists(uid)
		}
		for key, x := range v {
			if err := n.comparable(key, x); err != nil {
				return err
			}
			if err := n.walk(x); err != nil {
				return err
			}
		}
	}
	return nil
}

// literal reads an object with exactly "type" and "id": a literal entity.
func literal(v map[string]any) (types.EntityUID, bool) {
	typ, isType := v["type"].(string)
	id, isID := v["id"].(string)
	return types.NewEntityUID(types.EntityType(typ), types.String(id)), isType && isID && len(v) == 2
}

func (n names) exists(uid types.EntityUID) error {
	if uid.Type == personType {
		return fmt.Errorf("%s names one person; a rule is about anyone", uid)
	}
	if enum, ok := n.schema.Enums[uid.Type]; ok && !slices.Contains(enum.Values, uid) {
		return fmt.Errorf("%s is not one of the values in the schema", uid)
	}
	if _, ok := n.schema.Actions[uid]; uid.Type == actionType && !ok {
		return fmt.Errorf("%s is not in the schema", uid)
	}
	return nil
}

// comparable refuses an operator whose sides are known to be of different types.
func (n names) comparable(operator string, operands any) error {
	if operator != "==" && operator != "!=" { // the validator itself sees to contains
		return nil
	}
	sides, ok := operands.(map[string]any)
	if !ok {
		return nil
	}
	left, right := n.typeOf(sides["left"]), n.typeOf(sides["right"])
	if left != "" && right != "" && left != right {
		return fmt.Errorf("%s with %s on one side and %s on the other can never hold", operator, left, right)
	}
	return nil
}

// typeOf says what sort of entity an expression is, "" where it cannot tell.
func (n names) typeOf(node any) types.EntityType {
	v, _ := node.(map[string]any)
	switch {
	case v["Var"] == "principal":
		return actorType
	case v["Var"] == "action":
		return actionType
	case v["Value"] != nil:
		value, _ := v["Value"].(map[string]any)
		entity, _ := value["__entity"].(map[string]any)
		if uid, ok := literal(entity); ok {
			return uid.Type
		}
	case v["."] != nil:
		access, _ := v["."].(map[string]any)
		name, _ := access["attr"].(string)
		return n.attrs[name]
	}
	return ""
}
