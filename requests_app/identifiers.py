import enum
class Kind(enum.StrEnum):
    PHONE = "phone"
    EMAIL = "email"
    HANDLE = "handle"
    CUSTOMER_NUMBER = "customer_number"
    CRM_RECORD_ID = "crm_record_id"
    INTERACTION_GUID = "interaction_guid"
LABELS = {
    Kind.PHONE: "Telephone number",
    Kind.EMAIL: "E-mail address",
    Kind.HANDLE: "Handle",
    Kind.CUSTOMER_NUMBER: "Customer number",
    Kind.CRM_RECORD_ID: "CRM record id",
    Kind.INTERACTION_GUID: "Interaction GUID",
}
